"""Prints lines, folded between words if stdout is a terminal."""

import shutil
import sys
from collections.abc import Iterable
from textwrap import wrap


def print_lines(lines: Iterable[str]) -> None:
    """Prints lines; on a terminal, long ones are folded to its width, elsewhere they stay whole."""
    text = "\n".join(lines)
    if sys.stdout.isatty():
        width = shutil.get_terminal_size((100, 24)).columns - 1  # a full line may wrap
        text = "\n".join(part for line in text.split("\n") for part in folded(line, width))
    print(text)


def folded(line: str, width: int) -> list[str]:
    """Breaks a line between words into lines of at most `width` characters.

    What follows a break is indented by two columns more than the line. Words that are longer, such
    as paths, stay whole.
    """
    if len(line) <= width:
        return [line]
    hanging = line[: len(line) - len(line.lstrip())] + "  "
    return wrap(line, max(20, width), subsequent_indent=hanging, replace_whitespace=False,
                break_long_words=False, break_on_hyphens=False) or [line]  # fmt: skip
