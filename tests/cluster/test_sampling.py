"""Sampling pools as tasks of a stub of Ray: shares of GPUs, progress, failures."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import torch
from ray.exceptions import RayTaskError

from scaling.cluster import limits, sampling
from scaling.cluster.sampling_progress import PoolRequest
from scaling.errors import UsageError
from scaling.pools.build import missing, write_chunk
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial
from tests.small_pool import SPEC, chunk_of


class Tasks:
    """A stub of Ray in which a task is done when it is waited for, unless it `fails`.

    Chunks in `needs` run out of memory on less of a GPU than that.
    """

    def __init__(self, fails=(), needs=None):
        self.fails, self.shares, self.begun, self.needs = fails, [], [], needs or {}

    def options(self, num_gpus):
        self.shares.append(num_gpus)
        return self

    def remote(self, root, order, index, timeout, modules, client):
        self.begun.append((Store(root).pool(order.spec.name), index, self.shares[-1]))
        return self.begun[-1]

    def wait(self, left, timeout):
        return left[:1], left[1:]

    def get(self, task):
        path, index, share = task
        if share < self.needs.get((path.name, index), 0.0):
            raise RayTaskError("_sample", "trace", torch.OutOfMemoryError("CUDA out of memory"))
        if index in self.fails or (path.name, index) in self.fails:
            raise RayTaskError("_sample", "trace", ValueError("out of memory"))
        return write_chunk(path, index, chunk_of(index))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    made.folder("model").path.mkdir(parents=True)
    made.folder("model").save_checkpoint({"epoch": SPEC.epochs})
    return made


@pytest.fixture
def order():
    return PoolRequest(SPEC, DiffusionTrial("digits"), k=3)


@pytest.fixture
def run(store, order, monkeypatch):
    """Builds pools; returns the printed lines, and the GPUs in use at each check."""

    def build(tasks, share=0.5, gpus=1.0, orders=(order,)):
        monkeypatch.setattr(sampling, "_sample", tasks)
        waiting = SimpleNamespace(wait=tasks.wait, cluster_resources=lambda: {"GPU": gpus})
        monkeypatch.setattr(limits, "ray", waiting)
        monkeypatch.setattr(ray, "get", tasks.get)
        lines: list[Any] = []
        looked: list[Any] = []
        session: Any = SimpleNamespace(
            client=None,
            limits=SimpleNamespace(check=looked.append),
            say=lines.append,
            under_way=lambda *work: None,
            hung_after_s=60.0,
        )
        if len(orders) == 1:
            sampling.build_pool(session, store, order, share)
            return lines, looked
        begun = [sampling.Sampling(session, store, each, share) for each in orders]
        assert len(tasks.begun) == 3 * len(orders)  # none waits for another pool
        for one in sampling.as_they_are_sampled(session, begun):
            lines.append((one.request.spec.name, one.failed))
        return lines, looked

    return build


def test_each_task_has_its_share_and_the_caps_see_it(run, store):
    tasks = Tasks()
    lines, looked = run(tasks)
    assert tasks.shares == [0.5]
    assert looked == [1.0, 1.0, 0.5]  # of three tasks on one GPU two run at a time
    assert lines == ["pool p: 60 of 60 images sampled"]
    assert missing(store.pool("p"), 3) == []


def test_failures_are_named_after_all_other_chunks_are_sampled(run, store):
    with pytest.raises(UsageError, match="Sampling chunk 1 failed: out of memory. The same"):
        run(Tasks(fails={1}))
    assert missing(store.pool("p"), 3) == [1]


def test_sampling_without_a_model_is_refused(run, order, store):
    for file in store.folder("model").path.glob("checkpoint*"):
        file.unlink()
    with pytest.raises(UsageError, match="has no checkpoint of epoch 5"):
        run(Tasks())


def test_pools_are_sampled_side_by_side_and_fail_by_themselves(run, order, store):
    other = replace(order, spec=replace(SPEC, name="q"))
    lines, looked = run(Tasks(fails={("p", 2)}), gpus=2.0, orders=[order, other])
    assert lines[0].startswith("pool p: 40 of 60 images sampled, about ")
    assert lines[1:] == [
        ("p", ["chunk 2 failed: out of memory"]),
        "pool q: 60 of 60 images sampled",
        ("q", []),
    ]
    assert looked == [2.0, 2.0, 2.0, 1.5, 1.0, 0.5]  # GPUs of all pools' tasks, at most all
    assert missing(store.pool("p"), 3) == [2] and missing(store.pool("q"), 3) == []
    again, _ = run(Tasks(), orders=[order])
    assert again == ["pool p: 60 of 60 images sampled"]


def test_chunks_that_run_out_of_memory_on_a_share_of_a_gpu_are_sampled_alone_on_one(
    run, order, store
):
    other = replace(order, spec=replace(SPEC, name="q"))
    tasks = Tasks(needs={("p", 1): 1.0, ("q", 0): 2.0})
    lines, looked = run(tasks, gpus=2.0, orders=[order, other])
    assert [(path.name, index, share) for path, index, share in tasks.begun[6:]] == [
        ("p", 1, 1.0), ("q", 0, 1.0)
    ]  # fmt: skip
    assert [line for line in lines if isinstance(line, tuple)] == [
        ("p", []), ("q", ["chunk 0 failed: CUDA out of memory"])
    ]  # fmt: skip
    assert "pool p: 1 chunks ran out of memory on a share of a GPU" in " ".join(map(str, lines))
    assert looked[-2:] == [2.0, 1.0]
    assert missing(store.pool("p"), 3) == [] and missing(store.pool("q"), 3) == [0]
