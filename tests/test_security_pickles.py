"""A malicious pickle is refused and never run wherever this project reads a file."""

import os
import pickle

import numpy as np
import pytest
import torch

from analysis import results as analysis_results
from analysis.errors import ResultsError
from scaling.data import datasets, npz, official
from scaling.data.corruptions import cifar10_c as corruptions
from scaling.errors import UsageError
from scaling.metrics import features
from scaling.pools import samples
from scaling.pools import spec as pool_spec
from scaling.pools.pool import Pool
from scaling.storage import checkpoints
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key
from tests.small_pool import build

TRIAL = VaeTrial("digits", n_c=2)


class Trap:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def raw(file, trap):
    file.write_bytes(pickle.dumps(trap))


def array(file, trap):
    with open(file, "wb") as stream:
        np.save(stream, np.array([trap], dtype=object), allow_pickle=True)


def archive(file, trap):
    with open(file, "wb") as stream:
        np.savez(stream, images=np.array([trap], dtype=object), allow_pickle=True)


def saved(file, trap):
    torch.save({"epoch": 1, "vae": trap}, file)


def trial_folder(root):
    folder = Store(root).folder(key(TRIAL))
    folder.create(TRIAL)
    return folder


def read_checkpoints(folder):
    assert list(checkpoints.load(folder)) == []
    assert checkpoints.at(folder, 1) is None


def read_chunk(folder):
    build(folder / "p", 1)
    os.replace(folder / "chunk-00000.npy", folder / "p" / "chunk-00000.npy")
    with pytest.raises(UsageError, match="chunk-00000.npy"):
        Pool.open(folder / "p", folder)


def read_record(folder):
    with pytest.raises(UsageError, match="damaged"):
        pool_spec.read_record(folder)


def read_own(folder):
    with pytest.raises(UsageError, match="cannot be read as an npz"):
        datasets.load(str(folder / "own.npz"))


def read_standard(folder):
    with pytest.raises(UsageError, match="cannot be read as an npz"):
        npz.read_pair(folder, "mnist")


def read_batches(folder):
    batches = folder / official.FOLDERS["cifar10"]
    batches.mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        (batches / name).write_bytes((folder / "batch").read_bytes())
    with pytest.raises(UsageError, match="MD5"):
        official.read(folder, "cifar10")


def read_samples(folder):
    (file,) = folder.iterdir()
    with pytest.raises(UsageError, match="cannot be read as numbers"):
        samples.open_samples(file)


def read_cifar_c(folder):
    for name in (*corruptions.NAMES, "labels"):
        (folder / f"{name}.npy").write_bytes((folder / "any").read_bytes())
    with pytest.raises(UsageError, match="labels.npy cannot be read .*Unpack CIFAR-10-C again"):
        corruptions.check_official(folder, np.zeros((10, 3, 32, 32)), np.zeros(10))


def read_weights(folder):
    with pytest.raises(features.Missing, match="not the published file"):
        features._verify(folder / features.WEIGHTS)


def read_results(folder):
    (name,) = [file.name for file in folder.iterdir()]
    trial = trial_folder(folder)
    trial.append_row({"epoch": 1, "test_elbo": -1.0})
    os.replace(folder / name, trial.path / name)
    assert trial.done() is None
    assert len(trial.rows()) == (name != "rows.jsonl")
    if name == "trial.json":
        with pytest.raises(UsageError, match="damaged"):
            trial.trial()
    trial.merge_arrays({"x": np.zeros(2)})
    state = {found.key: found.state for found in analysis_results.trials(folder)}[trial.key]
    assert state in ("partial", "waiting", "unreadable")


def read_study(folder):
    with pytest.raises(ResultsError):
        analysis_results.load(folder)


@pytest.mark.parametrize(("name", "write", "read"), [
    *((name, write, read_checkpoints)
      for name in ("checkpoint.pt", "checkpoint.prev.pt", "checkpoint.epoch1.pt")
      for write in (raw, saved)),
    *(("chunk-00000.npy", write, read_chunk) for write in (raw, array)),
    ("pool.json", raw, read_record),
    *(("own.npz", write, read_own) for write in (raw, archive)),
    *(("batch", write, read_batches) for write in (raw,)),
    *((name, write, read_samples)
      for name in ("s.npy", "s.npz") for write in (raw, array, archive)),
    *(("any", write, read_cifar_c) for write in (raw, array)),
    *((features.WEIGHTS, write, read_weights) for write in (raw, saved)),
    *((name, raw, read_results)
      for name in ("trial.json", "rows.jsonl", "done.json", "arrays.npz")),
    ("arrays.npz", archive, read_results),
    *((name, raw, read_study) for name in ("study.json", "trials.parquet")),
])  # fmt: skip
def test_a_malicious_pickle_is_refused_in_every_file(tmp_path, name, write, read):
    folder, owned = tmp_path / "fed", tmp_path / "owned"
    folder.mkdir()
    write(folder / name, Trap(owned))
    read(folder)
    assert not owned.exists()


def test_the_standard_sets_as_archives_run_no_pickle(tmp_path):
    for part in ("train", "test"):
        archive(tmp_path / f"mnist_{part}.npz", Trap(tmp_path / "owned"))
    read_standard(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_the_trap_makes_a_folder_if_it_is_unpickled(tmp_path):
    """This is the control: each file that is refused above would have run."""
    for number, write in enumerate((raw, array, archive, saved)):
        owned = tmp_path / f"owned{number}"
        write(tmp_path / "file", Trap(owned))
        if write is raw:
            pickle.loads((tmp_path / "file").read_bytes())
        elif write is saved:
            torch.load(tmp_path / "file", weights_only=False)
        else:
            found = np.load(tmp_path / "file", allow_pickle=True)
            assert found["images"].size if write is archive else found.size
        assert owned.is_dir()
