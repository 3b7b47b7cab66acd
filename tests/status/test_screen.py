"""The board in a pseudo-terminal: redrawn in place, cut to the width, with or without colour."""

import json
import re
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
