"""The words of the command line: their help, and what they refuse."""

import pytest

from analysis import figures
from analysis.__main__ import main
from analysis.cli import options, words


@pytest.mark.parametrize("name", [*words.WORDS, "fig8", "heat"])
def test_the_help_of_a_word_is_about_that_word_alone(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    output = capsys.readouterr().out
    word = words.word(name)
    assert word
    flags = {flag for option in options.OPTIONS.values() for flag in option.flags
             if flag.startswith("--")}  # fmt: skip
    own = {flag for option in word.options for flag in options.OPTIONS[option].flags}
    shown = {
        text.strip(",").partition(" ")[0]
        for text in output.replace("[", " ").replace("]", " ").split()
    }
    assert shown & flags == {flag for flag in own if flag.startswith("--")}
    assert " ".join(word.about.split()[:3]).lower() in output.lower()


def test_flags_may_come_before_the_word(study, tmp_path, capsys):
    file = tmp_path / "wide.csv"
    assert main(["--results", str(study), "-o", str(file), "fig8"]) == 0
    assert capsys.readouterr().out == f"{file}\n"


def test_a_figure_has_the_requested_width(study, tmp_path, capsys):
    file = tmp_path / "narrow.svg"
    assert main(["fig7", "--results", str(study), "--width", "3.25", "-o", str(file)]) == 0
    assert 'width="234pt"' in file.read_text()
    assert main(["fig7", "--results", str(study), "--width", "1"]) == 2
    assert "is not readable" in capsys.readouterr().err


def test_every_figure_is_a_word():
    for name in figures.names():
        word = words.word(name)
        assert word and word.about == figures.about(name)
    assert words.word("fig99") is None
