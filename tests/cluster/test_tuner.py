"""A trial in a worker, trials in batches and again alone; with stubs of Ray and Tune."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune

from scaling.cluster import gpu_memory, tuner
from scaling.cluster.limits import Caps, Limits
from scaling.cluster.progress import Progress
from scaling.cluster.session import Session
from scaling.cluster.tuner import FailureNote, Launcher, Placement, TrialsToRun, train
from scaling.runs.execute import Job
from scaling.storage.store import Store
from scaling.trial import data_of, key
from scaling.trial.placement import Cluster


@pytest.fixture
def worker(monkeypatch, tmp_path, trial, digits):
    """Calls `train` as Tune does, with the share of a GPU that Ray would give it."""
    made = SimpleNamespace(reports=[], folder=Store(tmp_path).folder(key(trial)), share=0.0)
    made.folder.create(trial)
    monkeypatch.setattr(tune, "report", made.reports.append)
    ray = SimpleNamespace(get=lambda ref: ref, get_gpu_ids=lambda: [0])
    monkeypatch.setattr(tuner, "ray", ray)
    monkeypatch.setattr(gpu_memory, "placed", lambda: ("cpu", made.share))
    given: dict[str, Any] = {
        "datasets": {data_of(trial): digits},
        "pools": {},
        "modules": (),
        "client": None,
    }

    def run(epochs=4):
        jobs = {key(trial): Job(epochs, 2)}
        train({"key": key(trial)}, root=tmp_path, jobs=jobs, **given)

    made.run = run
    return made


def test_a_trial_is_trained_and_its_rows_are_reported(worker):
    worker.run()
    rows = worker.folder.rows()
    assert [row["epoch"] for row in rows] == [2, 4] and worker.folder.state(4) == "done"
    assert [report.get("epoch") for report in worker.reports] == [2, 4, None]
    assert worker.reports[-1] == {"finished": True}
    worker.run()  # a second time nothing is trained
    assert worker.folder.rows() == rows


def test_a_trial_that_the_watchdog_ended_is_not_tried_again(worker):
    worker.folder.fail("hung")
    worker.run()
    assert worker.reports == [{"finished": True}] and worker.folder.rows() == []


@pytest.mark.parametrize(("share", "crowded"), [(0.25, True), (1.0, False), (0.0, False)])
def test_too_small_a_share_is_reported_and_too_small_a_gpu_is_a_failure(
    worker, monkeypatch, share, crowded
):
    def full(*words):
        raise RuntimeError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(tuner, "execute", full)
    worker.share = share
    worker.run()
    if crowded:
        assert worker.reports == [{"crowded": True}] and worker.folder.done() is None
    else:
        done = worker.folder.done()
        assert done["state"] == "failed" and "ran out of memory" in done["error"]


def test_another_error_is_left_to_tunes_retries(worker, monkeypatch):
    def broken(*words):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(tuner, "execute", broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        worker.run()
    assert worker.folder.done() is None


def test_a_trial_that_another_process_finished_is_not_marked_as_failed(worker):
    note = FailureNote(worker.folder, 4)
    note.fail("first")
    assert worker.folder.state(4) == "failed"
    worker.folder.reopen()
    worker.run()
    note.fail("late")
    assert worker.folder.state(4) == "done"


@pytest.fixture
def launcher(tmp_path):
    names = [f"t{n}" for n in range(7)]
    work = TrialsToRun(dict.fromkeys(names, 0.1), {n: Job(4, 2) for n in names}, {})
    cluster = Cluster.of_this_machine(2.0, 1.0)
    session = Session(cluster, Limits(Caps()), 0.0, lambda line: None)
    placement = Placement(1.0, dict.fromkeys(names, 0.25))
    shown = Progress.of(work.hours, dict.fromkeys(names, 4), stream=io.StringIO())
    return Launcher(session, Store(tmp_path), work, placement, tmp_path / "staging", shown)


def test_many_trials_need_several_tuners_and_crowded_ones_run_again_alone(launcher, monkeypatch):
    calls = []

    def fit(keys, pools):
        calls.append((list(keys), [launcher.placement.gpus[key] for key in keys]))
        return [key for key in keys if key in ("t1", "t5") and launcher.placement.gpus[key] < 1]

    monkeypatch.setattr(tuner, "TRIALS_PER_TUNER", 3)
    monkeypatch.setattr(launcher, "_fit", fit)
    given_back = []
    monkeypatch.setattr(
        "scaling.trial.machine.give_back_memory", lambda: given_back.append(len(calls))
    )
    launcher.run([f"t{n}" for n in range(7)], {})
    assert given_back == [1, 3, 5]  # after each Tuner
    assert calls == [
        (["t0", "t1", "t2"], [0.25] * 3), (["t1"], [1.0]), (["t3", "t4", "t5"], [0.25] * 3),
        (["t5"], [1.0]), (["t6"], [0.25]),
    ]  # fmt: skip


@pytest.mark.parametrize(("cpus", "gpus", "bundle", "words"), [
    (1.0, 0.0, {"CPU": 1.0}, "1 CPU"),
    (2.0, 0.25, {"CPU": 2.0, "GPU": 0.25}, "0.25 GPU, 2 CPUs"),
    (0.0, 1.0, {"GPU": 1.0}, "1 GPU, 0 CPUs"),
])  # fmt: skip
def test_the_resources_requested_from_ray_are_those_printed(launcher, cpus, gpus, bundle, words):
    placement = Placement(cpus, {"t0": gpus})
    launcher.placement = placement
    assert tuner._resources(placement, {"key": "t0"}).bundles == [bundle]
    assert launcher._resources_of("t0") == words


def test_a_failure_in_a_folder_that_cannot_be_written_is_reported(launcher):
    launcher._fail("t0", "it broke")  # its folder does not exist
    printed = launcher.progress.stream.getvalue()
    assert "Failed: t0: it broke; its folder cannot be written: " in printed
