"""Draws lines repeatedly at the same place of a terminal."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

from scaling.status.board import Line, cut, paint, wants_colour

CLEAR = "\x1b[J"  # from the cursor to the end of the screen
SPARE = 1  # columns that stay free: a terminal may wrap a line that fills it


def is_live(stream: TextIO) -> bool:
    """Returns True if the stream is a terminal on which lines can be redrawn."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def room() -> tuple[int, int]:
    """Returns the number of columns and of lines to draw in."""
    size = shutil.get_terminal_size((100, 24))
    return max(20, size.columns - SPARE), max(3, size.lines - 2)


class Screen:
    """Draws lines over those that it drew before, on stdout unless a stream is given."""

    def __init__(self, given: TextIO | None = None) -> None:
        self.given, self.drawn = given, list[int]()

    @property
    def stream(self) -> TextIO:
        """Returns the stream to draw on; stdout is looked up late, as Tune pickles screens."""
        return self.given or sys.stdout

    def draw(self, lines: Sequence[Line]) -> None:
        """Replaces the last lines by these, each cut to the width."""
        width, _ = room()
        fitting = [cut(line, width) for line in lines]
        text = "".join(f"{line}\n" for line in paint(fitting, wants_colour(True)))
        self.stream.write(f"{self._back()}{text}")
        self.drawn = [sum(len(span[0]) for span in line) for line in fitting]
        self.stream.flush()

    def say(self, text: str) -> None:
        """Writes text above the drawn lines, which are gone until they are drawn again."""
        self.stream.write(f"{self._back()}{text}\n")
        self.drawn = []
        self.stream.flush()

    def _back(self) -> str:
        """Returns the codes that move to the start of the last lines.

        In a terminal that has become narrower these lines have wrapped.
        """
        columns = max(1, shutil.get_terminal_size((100, 24)).columns)
        up = sum(max(1, -(-length // columns)) for length in self.drawn)
        return f"\x1b[{up}F{CLEAR}" if up else f"\r{CLEAR}"
