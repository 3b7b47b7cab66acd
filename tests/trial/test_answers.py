"""Programs that answer, fail, or neither end in time nor let themselves be killed."""

import subprocess
import sys

import pytest

from scaling.trial import answers
from scaling.trial.answers import answer_of, printed


def python(code):
    return [sys.executable, "-c", code]


@pytest.fixture
def left(monkeypatch):
    """Returns the programs that were left alone, and ends them at last."""
    programs: list[subprocess.Popen[str]] = []
    kill = subprocess.Popen.kill
    monkeypatch.setattr(answers, "LEFT", programs)
    yield programs
    for program in programs:
        kill(program)
        program.wait()


def test_a_program_is_given_its_input_and_its_output_returned():
    done = answer_of(python("print(input() + '!')"), 60, "hello\n", stdout=subprocess.PIPE)
    assert (done.stdout, done.returncode) == ("hello!\n", 0)


def test_what_a_program_prints_is_returned_and_its_failure_raised():
    assert printed(python("print(3)"), 60) == "3\n"
    with pytest.raises(subprocess.CalledProcessError):
        printed(python("exit(2)"), 60)
    with pytest.raises(FileNotFoundError):
        printed(["no-such-program"], 60)


def test_a_program_that_is_late_is_killed(left):
    with pytest.raises(subprocess.TimeoutExpired):
        printed(python("import time; time.sleep(600)"), 0.1)
    assert left == []


def test_nobody_waits_for_a_program_that_cannot_be_killed(left, monkeypatch):
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: None)
    monkeypatch.setattr(answers, "KILLED_SECONDS", 0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        printed(python("import time; time.sleep(600)"), 0.1)
    (program,) = left
    assert program.poll() is None
