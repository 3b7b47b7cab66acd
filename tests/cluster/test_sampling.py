"""Pools sampled as tasks, with the tasks replaced: shares, progress, what failed."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RayTaskError

from scaling.cluster import limits, sampling
from scaling.errors import UsageError
from scaling.pools.build import create, missing, write_chunk
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial
from tests.small_pool import SPEC, chunk_of


class Tasks:
    """Ray in which a task is done when it is waited for, unless it `fails`."""

    def __init__(self, fails=()):
        self.fails, self.shares = fails, []

    def options(self, num_gpus):
        self.shares.append(num_gpus)
        return self

    def remote(self, root, order, index, timeout, modules, courier):
        self.path = Store(root).pool(order.spec.name)
        return index

    def wait(self, left, timeout):
        return left[:1], left[1:]

    def get(self, index):
        if index in self.fails:
            raise RayTaskError("_sample", "trace", ValueError("out of memory"))
        return write_chunk(self.path, index, chunk_of(index))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    made.folder("model").path.mkdir(parents=True)
    made.folder("model").save_checkpoint({"epoch": SPEC.epochs})
    return made


@pytest.fixture
def order():
    return sampling.PoolRequest(SPEC, DiffusionTrial("digits"), k=3)


@pytest.fixture
def run(store, order, monkeypatch):
    """Builds the pool on such tasks; returns the lines told and the GPUs looked at."""

    def build(tasks, share=0.5, gpus=1.0):
        monkeypatch.setattr(sampling, "_sample", tasks)
        waiting = SimpleNamespace(wait=tasks.wait, cluster_resources=lambda: {"GPU": gpus})
        monkeypatch.setattr(limits, "ray", waiting)
        monkeypatch.setattr(ray, "get", tasks.get)
        lines: list[Any] = []
        looked: list[Any] = []
        session: Any = SimpleNamespace(
            courier=None,
            limits=SimpleNamespace(check=looked.append),
            say=lines.append,
            under_way=lambda *work: None,
            hung_after_s=60.0,
        )
        sampling.build_pool(session, store, order, share)
        return lines, looked

    return build


def test_each_task_has_its_share_and_the_caps_see_it(run, store):
    tasks = Tasks()
    lines, looked = run(tasks)
    assert tasks.shares == [0.5]
    assert looked == [1.0, 1.0, 0.5]  # of three tasks on one GPU two run at a time
    assert lines == ["pool p: 60 of 60 images sampled"]
    assert missing(store.pool("p"), 3) == []


def test_what_failed_is_told_when_all_else_is_there(run, store):
    with pytest.raises(UsageError, match="Sampling chunk 1 failed: out of memory. The same"):
        run(Tasks(fails={1}))
    assert missing(store.pool("p"), 3) == [1]


def test_no_model_no_samples(run, order, store):
    for file in store.folder("model").path.glob("checkpoint*"):
        file.unlink()
    with pytest.raises(UsageError, match="has no checkpoint of epoch 5"):
        run(Tasks())


def test_progress_tells_the_time_left(store, order, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    path = store.pool("p")
    lines: list[Any] = []
    create(path, SPEC)
    told = sampling.SamplingProgress(path, order, lines.append)
    clock.now = 20.0
    told.show()  # nothing new, and not long ago
    assert lines == []
    write_chunk(path, 0, chunk_of(0))
    clock.now = 120.0
    told.show()
    assert lines == ["pool p: 20 of 60 images sampled, about 4 min left"]
    clock.now = 130.0
    write_chunk(path, 1, chunk_of(1))
    told.show()
    assert len(lines) == 1  # too soon
    clock.now = 430.0
    told.show()
    assert len(lines) == 2
