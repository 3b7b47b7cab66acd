"""Draws lines repeatedly at the same place of a terminal."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from scaling.status.board import Line, cut, paint, wants_colour

CLEAR = "\x1b[J"  # from the cursor to the end of the screen
SPARE = 1  # columns that stay free: a terminal may wrap a line that fills it
UNKNOWN = (100, 24)  # columns and lines where there is no terminal


def is_live(stream: TextIO) -> bool:
    """Returns True if the stream is a terminal on which lines can be redrawn."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def size(stream: TextIO) -> os.terminal_size:
    """Returns the columns and lines of the stream's terminal; COLUMNS and LINES overrule it.

    The terminal is found through the stream: descriptor 1 may lead to a log of native code.
    """
    try:
        own = os.get_terminal_size(stream.fileno())
    except (AttributeError, OSError, ValueError):  # no terminal, or a stream without a descriptor
        own = shutil.get_terminal_size(UNKNOWN)
    typed = [os.environ.get(name, "") for name in ("COLUMNS", "LINES")]
    sizes = [int(text) if text.isdecimal() else 0 for text in typed]
    columns, lines = (a or b or c for a, b, c in zip(sizes, own, UNKNOWN, strict=True))
    return os.terminal_size((columns, lines))


def room(stream: TextIO) -> tuple[int, int]:
    """Returns the number of columns and of lines to draw in."""
    terminal = size(stream)
    return max(20, terminal.columns - SPARE), max(3, terminal.lines - 2)


def folded(text: str, stream: TextIO) -> str:
    """Breaks long lines between words for a terminal, and leaves text for files as it is.

    What follows a break is indented by two columns more than its line. Words that are longer than
    a line, such as paths, stay whole.
    """
    if not stream.isatty():
        return text
    width, _ = room(stream)
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def print_lines(lines: Iterable[str]) -> None:
    """Prints lines to stdout, folded if it is a terminal (`folded`)."""
    print(folded("\n".join(lines), sys.stdout), flush=True)


def _broken(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line, width, subsequent_indent=indent + "  ", replace_whitespace=False,
        break_long_words=False, break_on_hyphens=False,
    ) or [line]  # fmt: skip


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
        width, _ = room(self.stream)
        fitting = [cut(line, width) for line in lines]
        text = "".join(f"{line}\n" for line in paint(fitting, wants_colour(True)))
        self.stream.write(f"{self._back()}{text}")
        self.drawn = [sum(len(span[0]) for span in line) for line in fitting]
        self.stream.flush()

    def say(self, text: str) -> None:
        """Writes text above the drawn lines, which are gone until they are drawn again."""
        self.stream.write(f"{self._back()}{folded(text, self.stream)}\n")
        self.drawn = []
        self.stream.flush()

    def _back(self) -> str:
        """Returns the codes that move to the start of the last lines.

        In a terminal that has become narrower these lines have wrapped.
        """
        columns = max(1, size(self.stream).columns)
        up = sum(max(1, -(-length // columns)) for length in self.drawn)
        return f"\x1b[{up}F{CLEAR}" if up else f"\r{CLEAR}"
