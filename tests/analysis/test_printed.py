"""Printed lines: folded between words in a pseudo-terminal, whole elsewhere."""

import subprocess
import sys

import pytest

from analysis.printed import folded
from scaling.status import screen
from tests.terminals import run

CODE = "from analysis.printed import print_lines; print_lines(['  ' + 'word ' * 30, '/x' * 60])"


@pytest.mark.parametrize("width", [20, 33, 60, 99])
def test_no_word_is_lost_and_what_follows_a_break_hangs(width):
    line = "  first descent   +11.67 [+6.25, +17.10]  significant (pooled [+5.00, +18.00]) m-z n-c"
    first, *others = folded(line, width)
    assert " ".join([first, *others]).split() == line.split()
    assert max(map(len, [first, *others])) <= width
    assert all(part.startswith("    ") and part[4] != " " for part in others)


@pytest.mark.parametrize("width", [20, 47, 80])
@pytest.mark.parametrize("line", ["short", "  " + "word " * 40, "/x" * 60 + " and more words"])
def test_both_packages_fold_alike(line, width):
    """Neither imports the other: `analysis` works without `scaling`."""
    assert folded(line, width) == screen._broken(line, width)


def test_a_terminal_breaks_between_words_and_a_file_does_not():
    output, code = run([sys.executable, "-c", CODE], 50)
    *lines, path = output.splitlines()
    assert code == 0 and len(lines) > 2 and path == "/x" * 60
    assert max(map(len, lines)) < 50
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["  " + "word " * 30, "/x" * 60]
