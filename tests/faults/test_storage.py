"""Folders that are full, read-only, gone or slow: nothing is lost, and the cause is named."""

import errno
import os
import subprocess
import time

import pytest

from scaling.runs import saver
from scaling.runs.execute import Job, execute
from scaling.storage import checkpoints
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import key
from tests.conftest import timeless

pytestmark = pytest.mark.faults
EPOCHS = 3


@pytest.fixture(autouse=True)
def checkpoint_at_every_row(monkeypatch):
    monkeypatch.setattr(saver, "CHECKPOINT_SHARE", 1e9)


@pytest.fixture
def train(tiny, tmp_path, trial):
    """Trains the trial in a results folder, and returns its rows."""

    def train(root, report=lambda row: None):
        folder = Store(root).folder(key(trial))
        execute(folder, tiny, Job(EPOCHS, 1), report)
        return [timeless(row) for row in folder.rows()]

    return train


@pytest.fixture
def expected(train, begun, tmp_path):
    return train(begun(tmp_path / "control"))


@pytest.fixture
def begun(trial):
    """Makes a results folder with the trial's folder in it, as a launch does."""

    def make(root):
        Store(root).folder(key(trial)).create(trial)
        return root

    return make


def test_a_disk_that_is_full_at_any_step_loses_nothing(
    tmp_path, train, begun, expected, monkeypatch
):
    """It is full at each file that is synchronized, and at each that is renamed."""
    steps = EPOCHS * 5 + 3  # steps of rows and checkpoints, of arrays and done.json, but the last
    left = 0

    def full(real):
        def refuse_in_turn(*words):
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*words)

        return refuse_in_turn

    for step in range(steps):
        left, root = step, begun(tmp_path / str(step))
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full(os.fsync))
            patched.setattr(os, "replace", full(os.replace))
            with pytest.raises(OSError, match="No space left on device"):
                train(root)
        assert train(root) == expected


def test_a_trial_continues_when_its_disk_is_made_larger(
    tmp_path, train, begun, trial, expected, small_disk
):
    small_disk(130, tmp_path / "small")
    root = begun(tmp_path / "small")
    with pytest.raises(OSError, match="No space left on device: .*small/trials"):
        train(root)
    folder = Store(root).folder(key(trial))
    before = [timeless(row) for row in folder.rows()]
    assert 0 < len(before) < EPOCHS
    assert before == expected[: len(before)]
    assert len(list(folder.load_checkpoints())) > 0
    small_disk(10_000, root)
    assert train(root) == expected
    assert folder.state(EPOCHS) == "done"


def test_a_trial_continues_when_its_folder_is_writable_again(
    tmp_path, train, begun, expected, read_only
):
    root = begun(tmp_path / "results")
    with pytest.raises(OSError, match="Read-only file system: .*trials"):
        train(root, lambda row: row["epoch"] == 2 and read_only(root / "trials"))
    read_only.undo()
    assert train(root) == expected


def test_a_folder_that_vanishes_is_not_made_again(tmp_path, train, begun, trial, expected):
    """The folder is not made again, because the real one may come back."""
    root, elsewhere = begun(tmp_path / "results"), tmp_path / "elsewhere"
    with pytest.raises(FileNotFoundError, match="results/trials"):
        train(root, lambda row: row["epoch"] == 2 and root.rename(elsewhere))
    assert not root.exists()
    folder = Store(root).folder(key(trial))
    for write in (
        lambda: folder.append_row({"epoch": 9}),
        lambda: folder.save_checkpoint({"epoch": 9}),
        lambda: folder.fail("no reason"),
        lambda: folder.merge_arrays({}),
        lambda: folder.finish(9),
        lambda: Store(root).update_study("study", dict),
    ):
        with pytest.raises(FileNotFoundError, match="results"):
            write()
    assert not root.exists()
    elsewhere.rename(root)
    assert train(root) == expected


def test_a_slow_folder_gets_fewer_checkpoints_and_all_rows(
    tmp_path, train, begun, trial, expected, monkeypatch
):
    """Each step takes a tenth of a second, so a checkpoint waits until enough was trained."""
    monkeypatch.setattr(saver, "CHECKPOINT_SHARE", 0.02)
    saved, save = [], checkpoints.save

    def slow(real):
        return lambda *words: (time.sleep(0.1), real(*words))[1]

    def noted(path, state):
        saved.append(state["epoch"])
        return save(path, state)

    monkeypatch.setattr(checkpoints, "save", noted)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", slow(os.fsync))
        patched.setattr(os, "replace", slow(os.replace))
        rows = train(begun(tmp_path))
    assert rows == expected
    assert saved == [1, EPOCHS]
    assert TrialFolder(tmp_path / "trials" / key(trial)).state(EPOCHS) == "done"


WORDS = ["--smoke-test", "--source", "normal", "--m-z", "1", "--n-c", "2", "--seeds", "0-1"]


def assert_stopped(run, *texts):
    assert run.returncode == 3, run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    for text in texts:
        assert text in run.stdout + run.stderr


def assert_continues(study, *words):
    run = study.run(*words)
    assert run.returncode == 0, run.stderr
    assert set(study.states(int(words[-1])).values()) == {"done"}
    for runs in study.epochs().values():
        for before, after in zip(runs, runs[1:], strict=False):
            # at most the epochs of one checkpoint again
            assert before[-1] - 2 < after[0] <= before[-1] + 1


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(6000)
def test_a_full_disk_of_one_trial_does_not_stop_the_others(study, small_disk):
    study.checkpoints_at_every_row()
    name = next(row["key"] for row in study.plan(*WORDS) if row["seed"] == 0)
    small_disk(100, study.results / "trials" / name)
    run = study.run(*WORDS, "--epochs", 8)
    assert_stopped(
        run, f"Failed: {name}: OSError: [Errno 28] No space left on device: ", "--retry-failed"
    )
    assert sorted(study.states(8).values()) == ["done", "failed"]
    small_disk(10_000, study.results / "trials" / name)
    assert_continues(study, *WORDS, "--retry-failed", "--epochs", 8)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(6000)
def test_a_study_continues_when_its_disk_has_room_again(study, small_disk):
    study.checkpoints_at_every_row()
    small_disk(450, study.results)
    assert_stopped(study.run(*WORDS, "--epochs", 40), "No space left on device")
    small_disk(10_000, study.results)
    assert_continues(study, *WORDS, "--retry-failed", "--epochs", 40)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(6000)
def test_a_study_continues_when_its_trials_are_writable_again(study, read_only):
    study.checkpoints_at_every_row()
    process = study.start(*WORDS, "--epochs", 100)
    study.until(lambda: len(study.ledger()) > 40, process)
    read_only(study.results / "trials")
    out, err = process.communicate()
    run = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    assert_stopped(run, "Read-only file system", "2 trials did not finish")
    read_only.undo()
    assert_continues(study, *WORDS, "--epochs", 100)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(6000)
def test_a_study_continues_when_its_results_are_back(study, tmp_path):
    study.checkpoints_at_every_row()
    process = study.start(*WORDS, "--epochs", 100)
    study.until(lambda: len(study.ledger()) > 40, process)
    study.results.rename(tmp_path / "elsewhere")
    out, err = process.communicate()
    run = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    assert_stopped(run, "No such file or directory", str(study.results), "Nothing finished is lost")
    study.abandoned()
    assert not study.results.exists()
    (tmp_path / "elsewhere").rename(study.results)
    assert_continues(study, *WORDS, "--epochs", 100)
