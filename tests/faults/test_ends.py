"""Ends that nobody asks for: each has one sentence, a documented code, and the command goes on."""

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
    """A launch that trains."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.05))
    study.checkpoints_at_every_row()
    process = study.start(*WORDS)
    study.until(lambda: len(study.ledger()) > 20, process)
    return process


def below(process, name):
    """The processes of this name among the descendants of a launch."""
    found, every = {process.pid}, parents()
    while more := {pid for pid, parent in every.items() if parent in found} - found:
        found |= more
    return [pid for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == name]


def assert_told(process, code, text):
    """The launch ends with this code and one sentence with the text, and without a traceback."""
    out, err = process.communicate()
    print(out, err)
    assert process.returncode == code, out + err
    assert "Traceback" not in out + err
    (line,) = [line for line in err.splitlines() if line.strip()]
    assert text in line


def assert_goes_on(study, *more):
    study.abandoned()
    run = study.run(*WORDS, *more)
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(study.states(100).values()) == {"done"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("gap", [0.0, 0.5])
def test_a_signal_that_comes_twice(study, at_work, number, gap):
    at_work.send_signal(number)
    signal.sigtimedwait([], gap)
    at_work.send_signal(number)
    assert_told(at_work, 128 + number, "Continue with: python")
    assert not (study.results / "launch.lock").exists()
    assert_goes_on(study)


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_process_of_ray_that_is_killed(study, at_work, name):
    kill(*below(at_work, name))
    assert_told(at_work, 3, "ype the same command")
    assert_goes_on(study)


def test_a_disk_that_is_full_when_tune_writes(study, small_disk):
    """Tune writes into the study's folder; the trials have room in theirs."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.05))
    small_disk(60, study.results / study.name)
    process = study.start(*WORDS)
    out, err = process.communicate()
    print(process.returncode, out, err)
    assert process.returncode == 3, out + err
    assert "Traceback" not in out + err
    assert "is the disk of the results folder full?" in err
    small_disk(100_000, study.results / study.name)
    assert_goes_on(study, "--retry-failed")  # as it said
