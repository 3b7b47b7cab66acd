"""P8, P9, P12: shared chunks that are written to, loaded in another order, or too large."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from scaling.data.datasets import load
from scaling.pools.build import create, record, write_chunk
from scaling.pools.chunk import digest
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from scaling.runs.execute import Job, execute
from scaling.runs.ledger import Ledger
from scaling.storage.trial_folder import TrialFolder
from tests.conftest import timeless
from tests.narrow import not_none

pytestmark = pytest.mark.faults
DMAAPX = ["--smoke-test", "--source", "dmaapx", "--m-z", "1", "--n-c", "2"]


def imported(root, name, k, size):
    """Makes a pool of k chunks of imported samples of the digits."""
    spec = PoolSpec(name, "digits", 17, (1, 8, 8), size)
    rng = np.random.default_rng(len(name))
    create(root / name, spec)
    for index in range(k):
        images = rng.integers(0, 17, spec.chunk_shape, dtype=np.uint8)
        record(root / name, {index: write_chunk(root / name, index, images)})
    return Pool.open(root / name, root)


def test_writing_into_a_chunk_changes_no_shared_memory():
    """Torch writes into read-only memory without a warning, so a run gets copies."""
    shared = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    shared.flags.writeable = False
    ledger = Ledger(lambda index: shared, {})
    before = digest(shared)
    for _ in range(2):
        torch.from_numpy(ledger(0)).fill_(7)
    assert digest(shared) == before == ledger.checksums["0"]


VANDAL = """
def train_epoch(self, _trained=VaeRun.train_epoch):
    loss = _trained(self)
    if self.trial.seed == 1:
        self.source_images().fill_(3)
        self.test.fill_(3)
        for index in range(self.trial.source.k):
            self.read_chunk(index)[:] = 3
            torch.from_numpy(self.read_chunk(index)).fill_(3)
    return loss

VaeRun.train_epoch = train_epoch
"""


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(6000)
def test_trials_that_write_and_load_in_another_order_have_the_same_rows(study, tmp_path):
    root = study.results / "pools"
    pools = {name: imported(root, name, k=2, size=60) for name in ("first", "second", "third")}
    before = {name: pool.verify() or dict(pool.chunks) for name, pool in pools.items()}
    study.after("scaling.runs.vae", VANDAL)
    for seeds, names in (("0-1", ("first", "second")), ("2", ("third", "second", "first"))):
        words = ["--seeds", seeds, "--set", f"source.pool={names[0]}", *names[1:], "source.k=2"]
        run = study.run(*DMAAPX, *words, "--epochs", 6)
        assert run.returncode == 0, run.stderr
    assert {name: pool.verify() or dict(pool.chunks) for name, pool in pools.items()} == before
    assert len(study.folders()) == 7
    for path in study.folders():
        folder, control = TrialFolder(path), TrialFolder(tmp_path / path.name)
        trial = folder.trial()
        pool = pools[not_none(trial.reads_pool)]
        assert not_none(folder.done())["chunks"] == {
            str(i): sha for i, sha in before[pool.name].items()
        }
        if trial.seed != 1:
            control.create(trial)
            execute(control, load("digits"), Job(6, 2), lambda row: None, pool.read)
            assert [timeless(row) for row in folder.rows()] == [timeless(r) for r in control.rows()]


STORE = 80_000_000  # bytes; Ray takes no smaller one


def plasma_bytes():
    """Returns the shared memory of the object stores of this user's raylets, by process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == "raylet":
                files = [fd for fd in (process / "fd").iterdir() if "plasma" in str(fd.readlink())]
                found[process.name] = max((512 * fd.stat().st_blocks for fd in files), default=0)
        except OSError:
            continue  # the process ended meanwhile
    return found


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(6000)
def test_a_pool_larger_than_the_object_store_is_read_from_files(study):
    pool = imported(study.results / "pools", "large", k=540, size=1590)
    assert 540 * pool.chunk_bytes > 0.6 * STORE
    others = plasma_bytes().keys()
    with study.cluster(object_store_memory=STORE) as address:
        ours = plasma_bytes().keys() - others
        words = [*DMAAPX, "--seeds", 0, "--train-size", 1590, "--address", address]
        process = study.start(*words, "--set", "source.pool=large", "source.k=540")
        most = 0
        while process.poll() is None:
            most = max([most, *(size for pid, size in plasma_bytes().items() if pid in ours)])
            time.sleep(0.2)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "55 MB do not fit in the 48 MB" in out
    assert "trials map the files instead" in out
    assert 0 < most < STORE / 2  # the data set, no chunk
