"""`scaling-vae study NAME`: the list of studies, and a study run as if its file were typed."""

import sys

import pytest

from scaling.cli import studies
from scaling.errors import UsageError

TEXT = """{docstring}

import sys

assert __name__ == "__main__" and sys.modules["__main__"].__doc__ == __doc__
print(__file__, *sys.argv)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Makes a folder of two studies, and restores the main module afterwards."""
    for name, message in (("widths", "Widths of z."), ("data", "Data sets.")):
        text = TEXT.format(docstring=f'"""{message}\n\nMore."""')
        (tmp_path / f"{name}.py").write_text(text)
    for name in studies.OTHERS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.setattr(studies, "FOLDER", tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return tmp_path


def test_every_study_is_listed_with_the_first_line_of_its_file(folder):
    assert studies.names() == ["data", "widths"]
    assert studies.listing()[-2:] == [f"  {'data':20}Data sets.", f"  {'widths':20}Widths of z."]


def test_a_study_runs_as_the_main_module_with_the_words_typed(folder, monkeypatch, capsys):
    words = ["scaling-vae", "study", "widths", "--seeds", "0-4"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        studies.run(["widths", "--seeds", "0-4"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.split() == [str(folder / "widths.py"), *words]


@pytest.mark.parametrize(("words", "message"), [
    (["width"], "Unknown study 'width'. Did you mean 'widths'. Known: data, widths"),
    (["evaluate"], "Unknown study 'evaluate'.*Known: data, widths"),
    (["../data"], "Unknown study"),
    ([], "study needs a name"),
])  # fmt: skip
def test_an_unknown_study_gets_the_list_of_studies(folder, words, message):
    with pytest.raises(UsageError, match=message):
        studies.run(words)


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_lists_the_studies(folder, capsys, word):
    with pytest.raises(SystemExit) as stop:
        studies.run([word])
    assert stop.value.code == 0
    assert "  widths" in capsys.readouterr().out


def test_a_file_without_a_docstring_has_an_empty_line(tmp_path):
    (tmp_path / "bare.py").write_text("x = 1\n")
    assert studies.about(tmp_path / "bare.py") == ""
