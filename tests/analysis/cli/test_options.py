"""Options of the command line: a word refuses those that belong to other words."""

import pytest

from analysis.__main__ import main, parser, parser_of
from analysis.cli.options import OPTIONS, OWN
from analysis.cli.words import WORDS


@pytest.mark.parametrize("typed, message", [
    (["verdict", "-o", "x"], "verdict takes no -o. It prints lines: "),
    (["report", "--where", "n_c=8"], "report takes no --where. It covers the whole study. Draw"),
    (["fig7", "--bound", "iwae_100"], "fig8 --bound iwae_100"),
    (["fig7", "--y", "test_elbo"], "--x and --y are read by law, not by fig7."),
    (["fig7", "--long"], "fig7 takes no --long."),
    (["claims", "--width", "3.25"], "claims takes no --width."),
    (["--long", "fig7"], "fig7 takes no --long."),
    (["--long", "diff"], "diff comes before its options. See: "),
])  # fmt: skip
def test_options_of_other_words_are_refused_naming_these_words(typed, message, capsys):
    assert main(typed) == 2
    output = capsys.readouterr()
    assert message in output.err and not output.out


@pytest.mark.parametrize("name", [n for n in OPTIONS if OPTIONS[n].about.get("nargs") == "+"])
def test_a_list_that_is_repeated_grows(name):
    flag = OPTIONS[name].flags[0]
    word = "diff" if name in OWN else "claims"
    start = ["A", "B"] if name in OWN else []
    made = parser_of(word, WORDS[word], "python -m analysis")
    typed = made.parse_args([*start, flag, "m_z==1", "n_c==2", flag, "k==3"])
    assert getattr(typed, flag.lstrip("-")) == ["m_z==1", "n_c==2", "k==3"]
    whole = parser().parse_args(["fig8", "--where", "m_z==1", "--where", "n_c==2"])
    assert whole.where == ["m_z==1", "n_c==2"]
