"""The command line that is printed for typing again, and what `--help` calls the program."""

import shlex
import sys

import pytest

from scaling.cli.process import command, program, typed


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
def test_the_command_line_again(monkeypatch, argv, printed, shown):
    monkeypatch.setattr(sys, "argv", argv)
    assert command() == printed
    assert program() == (None if shown is None else f"scaling-vae {shown}".strip())


def test_printed_words_are_read_by_a_shell_as_they_were_typed(monkeypatch):
    words = ["study", "x", "--results", "my results; rm -rf $HOME", "--where", "a=='b'"]
    monkeypatch.setattr(sys, "argv", ["/bin/scaling-vae", *words])
    assert shlex.split(command()) == ["scaling-vae", *words]
    assert typed()[1] == words[2:]
