"""P1, P2, P4: after drivers and workers were killed, the same command continues."""

import random
import signal
from typing import Any

import pytest

from scaling.data.datasets import load
from scaling.runs.execute import Job, execute
from scaling.storage.trial_folder import TrialFolder
from tests.conftest import timeless

pytestmark = [pytest.mark.faults, pytest.mark.cluster]
CELLS = ["--smoke-test", "--no-figures", "--source", "normal", "--m-z", "1", "--n-c", "2"]
EVERY = 2  # epochs between rows of the smoke test, and here between checkpoints


def assert_as_if_never_stopped(study, tmp_path, epochs):
    """Asserts that each trial is done and has the rows of an undisturbed run, bit for bit."""
    for path in study.folders():
        folder, control = TrialFolder(path), TrialFolder(tmp_path / path.name)
        assert folder.state(epochs) == "done"
        control.create(folder.trial())
        execute(control, load("digits"), Job(epochs, EVERY), lambda row: None)
        assert [timeless(row) for row in folder.rows()] == [timeless(r) for r in control.rows()]


def assert_little_was_trained_twice(study, epochs):
    """Asserts that each process repeats at most one checkpoint's epochs of the last one."""
    for runs in study.epochs().values():
        assert runs[0][0] == 1
        assert runs[-1][-1] == epochs
        for before, after in zip(runs, runs[1:], strict=False):
            assert before[-1] - EVERY < after[0] <= before[-1] + 1
        for run in runs:
            assert run == list(range(run[0], run[-1] + 1))


def stopped_at(study, words, moment, number):
    """Launches, and sends the signal when the ledger has this many epochs."""
    process = study.start(*words)
    study.until(lambda: len(study.ledger()) >= moment, process)
    process.send_signal(number)
    _, err = process.communicate()
    return process.returncode, err


@pytest.mark.parametrize(
    ("seeds", "kills"), [("0-1", 1), pytest.param("0-7", 5, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(6000)
def test_a_study_continues_after_its_driver_was_killed(study, tmp_path, seeds, kills):
    study.checkpoints_at_every_row()
    words = [*CELLS, "--seeds", seeds, "--epochs", 60]
    work = 60 * (int(seeds[-1]) + 1)
    finished: dict[str, Any] = {}
    for moment in sorted(random.Random(kills).sample(range(work // 8, work * 7 // 8), kills)):
        code, _ = stopped_at(study, words, moment, signal.SIGKILL)
        assert code == -signal.SIGKILL
        study.abandoned()
        assert finished.items() <= study.stamps().items()
        finished = study.stamps()
    run = study.run(*words)
    assert run.returncode == 0, run.stderr
    assert finished.items() <= study.stamps().items()
    assert len(study.folders()) == int(seeds[-1]) + 1
    assert_little_was_trained_twice(study, 60)
    assert_as_if_never_stopped(study, tmp_path, 60)
    assert len(run.stdout.splitlines()) + len(run.stderr.splitlines()) <= 20  # P15


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(6000)
def test_a_signal_stops_cleanly_and_the_same_command_continues(study, tmp_path, number):
    study.checkpoints_at_every_row()
    words = [*CELLS, "--seeds", "0-1", "--epochs", 100]
    code, err = stopped_at(study, words, 60, number)
    assert code == 128 + number
    assert "Continue with: python" in err
    assert "Traceback" not in err
    assert not (study.results / "launch.lock").exists()
    (launch,) = study.launches()
    assert launch["profile"]["wall"] > launch["profile"]["parts"]["trials"] > 0
    run = study.run(*words)
    assert run.returncode == 0, run.stderr
    assert ["profile" in launch for launch in study.launches()] == [True, True]
    assert_little_was_trained_twice(study, 100)
    assert_as_if_never_stopped(study, tmp_path, 100)


KILLED = """
import signal
from pathlib import Path

def once(name):
    marker = Path({markers!r}) / name
    there = marker.exists()
    marker.touch()
    return not there

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""
IN_TRAINING = """
def train_epoch(self, _trained=VaeRun.train_epoch):
    loss = _trained(self)
    if self.trial.seed == 0 and self.epoch == 5:
        die()
    return loss

VaeRun.train_epoch = train_epoch
"""
IN_A_CHECKPOINT = """
def _write(path, state, _whole=_write):
    if "-s1-" in str(path) and state["epoch"] == 6 and once("checkpoint"):
        with atomic(path) as stream:
            stream.write(b"half of it")
            stream.flush()
            die()
    _whole(path, state)
"""
BEFORE_DONE = """
def finish(self, *words, _finish=TrialFolder.finish, **facts):
    if "-s2-" in self.key and once("done"):
        die()
    _finish(self, *words, **facts)

TrialFolder.finish = finish
"""


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_trials_continue_after_their_workers_were_killed(study, tmp_path):
    """One is killed in every attempt, one in a checkpoint, one before done.json, one never."""
    study.checkpoints_at_every_row()
    killed = KILLED.format(markers=str(study.hook))
    study.after("scaling.runs.vae", killed + IN_TRAINING)
    study.after("scaling.storage.checkpoints", killed + IN_A_CHECKPOINT)
    study.after("scaling.storage.trial_folder", killed + BEFORE_DONE)
    run = study.run(*CELLS, "--seeds", "0-3", "--epochs", 10)
    assert run.returncode == 3, run.stderr
    (failed,) = [name for name, state in study.states(10).items() if state == "failed"]
    assert "-s0-" in failed
    assert f"Failed: {failed}: " in run.stderr
    assert "process" in run.stderr and "died" in run.stderr
    assert "Traceback" not in run.stderr
    trained = {name.split("-")[-2]: runs for name, runs in study.epochs().items()}
    whole = list(range(1, 11))
    assert trained["s0"] == [whole[:5], [5], [5]]  # tried three times
    assert trained["s1"] == [whole[:6], whole[4:]]
    assert trained["s2"] == trained["s3"] == [whole]
    log = (study.results / study.name / "logs" / "ray.log").read_text()
    assert log.count(f"Trial task failed for trial {failed}") == 3
