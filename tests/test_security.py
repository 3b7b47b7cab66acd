"""No pickle runs, no name leads out of the results, nothing listens to other machines."""

import ast
import json
import os
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analysis import results as analysis_results
from scaling import checkpoints
from scaling.checked import UsageError
from scaling.data import corruptions, datasets, npz, official, pool_spec, samples
from scaling.data.pool import Pool
from scaling.files import write_json
from scaling.metrics import features
from scaling.store import Store
from scaling.trial import Source, TwoSampleTrial, VaeTrial, key
from scaling.wanted import pool_of
from tests.small_pool import SPEC, build

ROOT = Path(__file__).parents[1]
SOURCES = [p for part in ("scaling", "analysis", "studies") for p in (ROOT / part).rglob("*.py")]
UNPICKLERS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN = {"eval", "exec", "read_pickle", "unsafe_load", "system", "popen"}
SAFE = {"load": ("allow_pickle", "weights_only"), "NpzFile": ("allow_pickle",)}
TRIAL = VaeTrial("digits", n_c=2)


def name_of(call):
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def owner_of(call):
    return getattr(getattr(call.func, "value", None), "id", "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_source_loads_no_pickle_and_runs_no_text(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            assert not {name.split(".")[0] for name in names} & UNPICKLERS, names
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
        plain = isinstance(node.func, ast.Name) or owner_of(node) in ("os", "builtins", "pd")
        assert not (name_of(node) in FORBIDDEN and plain), ast.unparse(node)
        assert words.get("shell") is not True, ast.unparse(node)
        if owner_of(node) in ("np", "numpy", "torch", "") and name_of(node) in SAFE:
            if isinstance(node.func, ast.Name) and name_of(node) == "load":
                continue  # a function of this project
            said = [words.get(word) for word in SAFE[name_of(node)] if word in words]
            assert said in ([False], [True]), ast.unparse(node)
            assert said == [owner_of(node) == "torch"], ast.unparse(node)


def test_nothing_is_told_to_listen_on_all_interfaces():
    for path in [*SOURCES, ROOT / "README.md"]:
        text = path.read_text()
        assert "0.0.0.0" not in text, path
        assert "bind_all" not in text, path


class Trap:
    """Unpickled, it makes a folder."""

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
    with pytest.raises(UsageError, match="labels.npy cannot be read .*Unpack CIFAR-10-C anew"):
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
    with pytest.raises(analysis_results.ResultsError):
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
def test_a_malicious_pickle_is_refused_wherever_it_lies(tmp_path, name, write, read):
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


def test_the_trap_works(tmp_path):
    """The control: what is refused above would have run."""
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


NASTY = st.text(st.sampled_from("./\\~$*: a-_\n\0é"), max_size=12)


@given(NASTY, NASTY)
def test_no_trial_is_named_out_of_the_results(dataset, pool):
    pooled = Source(real_share=0.0, k=1, pool=pool)
    named = VaeTrial(f"{dataset}.npz", source=pooled)
    for trial in (named, TwoSampleTrial(f"{dataset}.npz", pool=pool)):
        path = Store(Path("/results")).folder(key(trial)).path
        assert Path(os.path.normpath(path)).parent == Path("/results/trials")
        assert "\0" not in path.name
        assert pool_of(trial) == pool


@pytest.mark.parametrize("name", ["../../outside/p", "{tmp}/outside/p", "link"])
def test_a_trial_reads_no_pool_outside_the_results(tmp_path, name):
    build(tmp_path / "outside" / "p", 1)
    store = Store(tmp_path / "results")
    (tmp_path / "results" / "pools").mkdir(parents=True)
    (tmp_path / "results" / "pools" / "link").symlink_to(tmp_path / "outside" / "p")
    source = Source(real_share=0.0, k=1, pool=name.format(tmp=tmp_path))
    with pytest.raises(UsageError, match="out of"):
        Pool.load(
            store.pool(pool_of(replace(TRIAL, source=source))), tmp_path / "results" / "pools"
        )


@pytest.mark.parametrize("field", ["name", "model"])
@pytest.mark.parametrize("value", ["../x", "/x", "..", "a/b", "a\\b", ""])
def test_no_pool_names_a_path(tmp_path, field, value):
    write_json(tmp_path / "pool.json", {"format": 1, "chunks": []} | asdict(SPEC) | {field: value})
    with pytest.raises(UsageError, match="is damaged .*(Use letters, digits|no trial's key)"):
        pool_spec.read_record(tmp_path)


def test_no_pool_lists_a_chunk_elsewhere(tmp_path):
    build(tmp_path / "p", 1)
    record = json.loads((tmp_path / "p" / "pool.json").read_text())
    record["chunks"][0]["file"] = "../../chunk-00000.npy"
    write_json(tmp_path / "p" / "pool.json", record)
    with pytest.raises(UsageError, match="cannot be"):
        Pool.load(tmp_path / "p", tmp_path)


def test_a_trial_moved_in_from_elsewhere_is_refused(tmp_path):
    folder = trial_folder(tmp_path / "theirs")
    target = Store(tmp_path / "ours").folder("renamed")
    target.path.parent.mkdir(parents=True)
    os.replace(folder.path, target.path)
    with pytest.raises(UsageError, match="name or file was changed"):
        target.trial()


LISTENING = """
import json, os
from pathlib import Path
from scaling.cluster import connect
import ray
connect.connect("local")
mine = {os.getpid()}
parents = {int(p.name): int((p / "stat").read_text().rpartition(")")[2].split()[1])
           for p in Path("/proc").glob("[0-9]*") if (p / "stat").exists()}
while more := {p for p, parent in parents.items() if parent in mine} - mine:
    mine |= more
inodes = set()
for pid in mine:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            inodes.add(os.readlink(link))
        except OSError:
            pass
found = []
for table in ("tcp", "tcp6"):
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
            found.append(words[1].partition(":")[0])
told = {"addresses": found, "token": os.environ.get("RAY_AUTH_MODE")}
print(json.dumps(told | {"dashboard": ray._private.worker._global_node.webui_url}))
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.cluster
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_local_ray_listens_to_this_machine_only(ray_folder):
    done = subprocess.run(
        [sys.executable, "-c", LISTENING],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "RAY_TMPDIR": ray_folder},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert not told["dashboard"]
    assert told["token"] == "token"
    assert len(told["addresses"]) > 2
    assert set(told["addresses"]) <= LOOPBACK
