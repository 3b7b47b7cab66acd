"""Options of the command line: a word refuses those that belong to other words."""

import pytest

from analysis.__main__ import main


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
    said = capsys.readouterr()
    assert message in said.err and not said.out
