"""Commands in errors can be typed in the shell in which the error is read."""

import shlex

import pytest

from analysis.command import command, typed_path


@pytest.mark.parametrize(("program", "start"), [
    ("/usr/lib/python3/site-packages/analysis/__main__.py", "python -m analysis"),
    ("analysis/__main__.py", "python -m analysis"),
    ("/usr/local/bin/scaling-vae", "scaling-vae"),
    ("/home/me/scaling/__main__.py", "scaling-vae"),
    ("/home/me/analysis/other.py", "scaling-vae"),
    ("", "scaling-vae"),
])  # fmt: skip
def test_a_command_begins_with_the_program_that_was_started(monkeypatch, program, start):
    monkeypatch.setattr("sys.argv", [program, "fig8"])
    assert command("report", "results") == f"{start} report results"


def test_a_shell_reads_the_same_words(monkeypatch):
    monkeypatch.setattr("sys.argv", ["scaling-vae"])
    words = ("fig8", "my results", "--where", "m_z>1 and source=='dmaapx'", 3)
    assert shlex.split(command(*words))[1:] == [str(word) for word in words]


def test_a_page_names_results_by_the_place_in_which_others_have_them(tmp_path):
    (tmp_path / "double_descent").mkdir()
    (tmp_path / "all.parquet").touch()
    assert typed_path(tmp_path / "double_descent") == "results/double_descent"
    assert typed_path(tmp_path / "all.parquet") == "all.parquet"
