"""Exit codes of a command, and the command line that it prints for typing again."""

import shlex
import sys

import pytest

from scaling.cli import process
from scaling.cli.process import command, program, typed
from scaling.errors import Unfinished, UsageError


@pytest.mark.parametrize(
    ("argv", "printed", "shown"),
    [
        (["studies/x.py", "--epochs", "3"], "python studies/x.py --epochs 3", None),
        (["/bin/scaling-vae", "study", "x", "--json"], "scaling-vae study x --json", "study x"),
        (["/a/scaling/__main__.py", "study", "x"], "scaling-vae study x", "study x"),
        (["/a/scaling/__main__.py", "pool", "info", "p"], "scaling-vae pool info p", "pool"),
        (["scaling-vae", "evaluate", "--where", "m_z>1"], "scaling-vae evaluate --where 'm_z>1'",
         "evaluate"),
        (["studies/my x.py"], "python 'studies/my x.py'", None),
        (["scaling-vae"], "scaling-vae", ""),
    ],
)  # fmt: skip
def test_the_printed_command_line_is_the_one_to_type(monkeypatch, argv, printed, shown):
    monkeypatch.setattr(sys, "argv", argv)
    assert command() == printed
    assert program() == (None if shown is None else f"scaling-vae {shown}".strip())


def test_printed_words_are_read_by_a_shell_as_they_were_typed(monkeypatch):
    words = ["study", "x", "--results", "my results; rm -rf $HOME", "--where", "a=='b'"]
    monkeypatch.setattr(sys, "argv", ["/bin/scaling-vae", *words])
    assert shlex.split(command()) == ["scaling-vae", *words]
    assert typed()[1] == words[2:]


def ended(work, capsys):
    """Returns the exit code of a command that does this work, and its lines on stderr."""
    with pytest.raises(SystemExit) as stop:
        process.guarded(work)
    return stop.value.code, capsys.readouterr().err.splitlines()


def raises(error):
    def work():
        raise error

    return work


def test_errors_before_work_has_begun_have_the_code_of_wrong_usage(capsys):
    for error in (UsageError("Wrong. Do that."), OSError(13, "Permission denied", "x")):
        code, (line,) = ended(raises(error), capsys)
        assert code == process.USAGE == 2
        assert line.startswith("Error: ")


def test_errors_after_work_has_begun_have_another_code(tmp_path, capsys):
    def disk_is_full():
        with process.at_work(tmp_path):
            raise OSError(28, "No space left on device", "rows.jsonl")

    code, (line,) = ended(disk_is_full, capsys)
    assert code == process.FAILED == 3
    assert "rows.jsonl" in line and "Nothing finished is lost" in line
    assert ended(raises(Unfinished("Half.")), capsys)[0] == 3
    assert not (tmp_path / "launch.lock").exists()


def test_a_launch_whose_lock_was_taken_over_is_unfinished(tmp_path, capsys):
    def loses():
        with process.at_work(tmp_path) as lock:
            lock.lost = True
        return process.DONE

    code, (line,) = ended(loses, capsys)
    assert code == 3 and "taken over" in line
