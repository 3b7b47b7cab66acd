"""Sampling pools as tasks of a stub of Ray: shares of GPUs, progress, failures."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RayTaskError

from scaling.cluster import limits, pools, sampling
from scaling.cluster.sampling_progress import PoolRequest
from scaling.data.datasets import load
from scaling.data.partition import divided
from scaling.errors import UsageError
from scaling.pools.build import missing, write_chunk
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial, VaeTrial
from tests.small_pool import SPEC, chunk_of


class Tasks:
    """A stub of Ray in which a task is done when it is waited for, unless it `fails`."""

    def __init__(self, fails=()):
        self.fails, self.shares, self.begun = fails, [], []

    def options(self, num_gpus):
        self.shares.append(num_gpus)
        return self

    def remote(self, root, order, index, timeout, modules, client):
        self.begun.append((Store(root).pool(order.spec.name), index))
        return self.begun[-1]

    def wait(self, left, timeout):
        return left[:1], left[1:]

    def get(self, task):
        path, index = task
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


@pytest.mark.parametrize("partition", ["train_and_test", "disjoint", "development"])
def test_a_chunk_has_as_many_images_as_d_train_also_without_a_train_size(partition):
    digits, model = load("digits"), DiffusionTrial("digits", partition=partition)
    images = len(divided(digits, model.part).train)
    made = sampling.pool_request("p", model, "model", 5, 3, digits)
    assert made.spec.images_per_chunk == images
    assert pools._images(digits, VaeTrial("digits", partition=partition))[-1] == images
