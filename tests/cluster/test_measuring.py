"""Costly metrics as tasks of a stub of Ray: shares of GPUs, printed lines, failures."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import torch
from ray.exceptions import RayTaskError

from scaling.cluster import limits
from scaling.cluster import measuring as evaluate
from scaling.storage import checkpoints
from scaling.storage.store import Store
from scaling.trial import VaeTrial, data_of, key
from scaling.trial.placement import Cluster
from tests.narrow import not_none

TRIALS = [VaeTrial("digits", n_c=n_c) for n_c in (2, 4, 8)]
SHARES = dict(zip(map(key, TRIALS), (0.25, 0.5, 0.5), strict=True))


class Tasks:
    """A stub of Ray in which a task is done when it is waited for, unless its trial `fails`."""

    def __init__(self, fails="", needs=None):
        self.fails, self.shares, self.needs = fails, {}, needs or {}
        self.noted: list[Any] = []  # what the display is told

    def options(self, num_gpus):
        self.share = num_gpus
        return self

    def remote(self, root, cell, dataset, timeout, modules, fence, client):
        self.shares[cell.key] = self.share
        return cell.key

    def wait(self, left, timeout):
        return left[:1], left[1:]

    def get(self, name):
        if name == self.fails:
            raise RayTaskError("_measure", "trace", ValueError("out of memory"))
        if self.shares[name] < self.needs.get(name, 0.0):
            raise RayTaskError("_measure", "trace", torch.OutOfMemoryError("CUDA out of memory"))


@pytest.fixture
def fill(tmp_path, monkeypatch):
    """Measures all trials; returns the failures, the lines, and the GPUs in use at each check."""
    store = Store(tmp_path)
    for trial in TRIALS:
        store.folder(key(trial)).create(trial)
    cells = [evaluate.Cells(name, {4: ("amortization",)}, {}) for name in SHARES]

    def measured(tasks):
        monkeypatch.setattr(evaluate, "_measure", tasks)
        for name in ("get", "put"):
            monkeypatch.setattr(ray, name, getattr(tasks, name, lambda part: part))
        waiting = SimpleNamespace(wait=tasks.wait, cluster_resources=lambda: {"GPU": 1.0})
        monkeypatch.setattr(limits, "ray", waiting)
        lines: list[Any] = []
        looked: list[Any] = []
        data: Any = {data_of(TRIALS[0]): None}
        session: Any = SimpleNamespace(
            client=None,
            limits=SimpleNamespace(check=looked.append),
            say=lines.append,
            under_way=lambda *work: tasks.noted.append(work),
            hung_after_s=60.0,
        )
        failed = evaluate.fill(session, store, cells, data, SHARES)
        return failed, lines, looked

    return measured


def test_each_task_has_the_share_of_its_trial_and_the_caps_see_it(fill):
    tasks = Tasks()
    failed, lines, looked = fill(tasks)
    assert tasks.shares == SHARES
    assert looked == [1.0, 1.0, 0.5]  # 1.25 GPUs are requested, and there is one
    assert failed == [] and lines[-1] == "metrics: 3/3 trials measured, 0 failed"
    assert tasks.noted[-1] == ("metrics", 3, 3, "trials")  # so that no time is left


def test_failures_are_named_after_everything_else_is_measured(fill):
    lost = key(TRIALS[1])
    failed, lines, _ = fill(Tasks(fails=lost))
    assert failed == [f"{lost}: out of memory"]
    assert lines[-1] == "metrics: 3/3 trials measured, 1 failed"


def test_what_runs_out_of_memory_on_a_share_of_a_gpu_is_measured_alone_on_one(fill):
    crowded, hopeless, other = map(key, TRIALS)
    tasks = Tasks(needs={crowded: 1.0, hopeless: 2.0})
    failed, lines, _ = fill(tasks)
    assert failed == [f"{hopeless}: CUDA out of memory"]
    assert tasks.shares == {crowded: 1.0, hopeless: 1.0, other: 0.5}
    assert any("2 of them ran out of memory on a share of a GPU" in line for line in lines)


def test_checkpoints_of_accidental_epochs_are_not_measured(tmp_path):
    """A kill leaves one at an epoch that other seeds lack; `--epochs` can request it."""
    store = Store(tmp_path)
    folder = store.folder(key(TRIALS[0]))
    folder.create(TRIALS[0])
    for epoch in (40, 48, 80):
        folder.append_row({"epoch": epoch})
        folder.save_checkpoint({"epoch": epoch})
    checkpoints.keep(folder.path, {"epoch": 40})
    lacking = partial(evaluate.missing_cells, store, folder.key, ["psnr"])
    # still running: 48 and 80 are where it happens to be
    assert set(not_none(lacking()).metrics) == {40}
    folder.finish(80)
    assert set(not_none(lacking()).metrics) == {40, 80}
    assert set(not_none(lacking(epochs=[48])).metrics) == {48}


@pytest.mark.parametrize(("address", "gpu", "share", "shares"), [
    ("local", True, 0.5, True), ("local", True, 1.0, False), ("local", False, 0.5, False),
    ("10.0.0.1:6379", True, 0.5, False),
])  # fmt: skip
def test_trials_that_are_measured_on_one_gpu_use_mps(
    tmp_path, monkeypatch, address, gpu, share, shares
):
    asked: list[Any] = []
    session = SimpleNamespace(cluster=Cluster.of_nodes(((2.0, 1.0),)))
    monkeypatch.setattr(evaluate, "has_gpu", lambda: gpu)
    monkeypatch.setattr(evaluate, "connected", lambda *a, **k: nullcontext(session))
    monkeypatch.setattr(evaluate, "fill", lambda *a: [])
    monkeypatch.setattr(
        evaluate, "shared_gpus", lambda mode, shared, *a: nullcontext(asked.append(shared))
    )
    lock: Any = SimpleNamespace(check=None, fence=None)
    never: Any = None
    evaluate.fill_alone(Store(tmp_path), [], {"k": share}, address, never, lock, 60.0)
    assert asked == [shares]
