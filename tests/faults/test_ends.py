"""Unexpected ends: each has one sentence and a documented code, and the command continues."""

import signal
from pathlib import Path

import pytest

from tests.faults.nodes import SLOW, kill, parents
from tests.faults.test_kills import CELLS

pytestmark = [
    pytest.mark.faults,
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(6000),
]
WORDS = [*CELLS, "--seeds", "0-1", "--epochs", "100"]


@pytest.fixture
def at_work(study):
    """Starts a launch, and waits until it trains."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.05))
    study.checkpoints_at_every_row()
    process = study.start(*WORDS)
    study.until(lambda: len(study.ledger()) > 20, process)
    return process


def below(process, name):
    """Returns the processes of this name among the descendants of a launch."""
    found, every = {process.pid}, parents()
    while more := {pid for pid, parent in every.items() if parent in found} - found:
        found |= more
    return [pid for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == name]


def assert_ends_in_a_sentence(process, code, text):
    """Asserts that the launch ends with this code and a sentence, without a traceback."""
    out, err = process.communicate()
    print(out, err)
    assert process.returncode == code, out + err
    assert "Traceback" not in out + err
    (line,) = [line for line in err.splitlines() if line.strip()]
    assert text in line


def assert_continues(study, *more):
    study.abandoned()
    run = study.run(*WORDS, *more)
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(study.states(100).values()) == {"done"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("gap", [0.0, 0.5])
def test_a_signal_that_comes_twice_ends_the_launch_in_a_sentence(study, at_work, number, gap):
    at_work.send_signal(number)
    signal.sigtimedwait([], gap)
    at_work.send_signal(number)
    assert_ends_in_a_sentence(at_work, 128 + number, "Continue with: python")
    assert not (study.results / "launch.lock").exists()
    assert_continues(study)


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_killed_process_of_ray_ends_the_launch_in_a_sentence(study, at_work, name):
    kill(*below(at_work, name))
    assert_ends_in_a_sentence(at_work, 3, "ype the same command")
    assert_continues(study)


def test_a_full_disk_of_tune_ends_the_launch_in_a_sentence(study, small_disk):
    """Tune writes into the study's folder, and the trials have room in theirs."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.05))
    small_disk(60, study.results / study.name)
    process = study.start(*WORDS)
    out, err = process.communicate()
    print(process.returncode, out, err)
    assert process.returncode == 3, out + err
    assert "Traceback" not in out + err
    assert "is the disk of the results folder full?" in err
    small_disk(100_000, study.results / study.name)
    assert_continues(study, "--retry-failed")  # as the sentence says
