"""The board in a pseudo-terminal: redrawn in place, cut to the width, with or without colour."""

import json
import re
import subprocess
import sys

import pytest

from tests.terminals import run, seen

DRAW = """
import sys
from scaling.status.screen import Screen
screen = Screen(sys.stdout)
for number in range(5):
    screen.draw([[(f"board {number} ", "bold"), ("x" * 300, "")], [("second line", "red")]])
    if number == 2:
        screen.say("a line of its own")
print("the end")
"""


@pytest.mark.parametrize("columns", [30, 60, 160])
def test_a_board_is_drawn_over_itself_whatever_the_width(columns):
    output, code = run([sys.executable, "-c", DRAW], columns)
    lines = [line for line in seen(output, columns) if line]
    assert code == 0
    assert lines[0] == "a line of its own"
    assert [line.split(" x")[0].rstrip("x") for line in lines[1:]] == [
        *("board 4", "second line", "the end")
    ]
    assert len(lines[1]) == columns - 1


def test_no_color_turns_colours_off():
    with_colour, _ = run([sys.executable, "-c", DRAW], NO_COLOR="")
    without, _ = run([sys.executable, "-c", DRAW], NO_COLOR="1")
    assert re.search(r"\x1b\[[0-9]+m", with_colour)
    assert not re.search(r"\x1b\[[0-9;]*m", without)


APART = """
import os, sys
from scaling.status.screen import Screen
sys.stdout = open(os.dup(1), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # as a launch moves the output of native code
screen = Screen()
for number in range(5):
    screen.draw([[(f"board {number} ", ""), ("x" * 300, "")]])
screen.say("words of a long line " * 20)
"""


@pytest.mark.parametrize("columns", [40, 130])
def test_the_width_is_that_of_the_stream_and_not_of_descriptor_1(columns):
    output, code = run([sys.executable, "-c", APART], columns)
    first, *lines = [line for line in seen(output, columns) if line]
    assert code == 0 and first.startswith("words of")  # all boards were drawn over
    assert {word for line in (first, *lines) for word in line.split()} == {
        *("words", "of", "a", "long", "line")
    }
    assert max(map(len, lines)) < columns and all(line.startswith("  ") for line in lines)


FOLDED = (
    "from scaling.status.screen import print_lines; print_lines(['  ' + 'word ' * 30, '/x' * 60])"
)


def test_printed_lines_break_between_words_on_a_terminal_only():
    output, _ = run([sys.executable, "-c", FOLDED], 50)
    *lines, path = output.splitlines()
    assert {word for line in lines for word in line.split()} == {"word"}
    assert max(map(len, lines)) < 50 and lines[1].startswith("    word")
    assert path == "/x" * 60  # a path stays whole, so that it can be copied
    done = subprocess.run(
        [sys.executable, "-c", FOLDED], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["  " + "word " * 30, "/x" * 60]


@pytest.mark.parametrize("columns", [40, 100])
def test_the_command_fits_the_terminal_and_ends_when_nothing_runs(study, columns):
    words = [sys.executable, "-m", "scaling", "status", study.root, "--watch"]
    output, code = run(list(map(str, words)), columns)
    lines = [line for line in seen(output, columns) if line]
    assert code == 0
    assert sum("trials done" in line for line in lines) == 1
    assert max(map(len, lines)) < columns


def test_json_holds_every_trial(study):
    study.finish(study.keys[0])
    words = [sys.executable, "-m", "scaling", "status", str(study.root), "s", "--json"]
    output, code = run(words, 80)
    found = json.loads(output)
    assert code == 0 and len(found["trials"]) == 12
    assert found["trials"][0]["state"] == "done" and found["trials"][0]["epoch"] == 40
