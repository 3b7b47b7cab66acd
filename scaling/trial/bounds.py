"""Bounds of numbers, declared where a field or a flag is: `batch: Count`, `type=number(COUNT)`.

Numbers that are not finite lie outside all bounds.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

LARGEST = 2**53  # up to which every whole number is a real one too


@dataclass(frozen=True)
class Bounds:
    """An interval: from `least` or above `above`, up to `most` or below `below`."""

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    whole: bool = False

    def __contains__(self, value: float) -> bool:
        inside = self.least <= value <= self.most and self.above < value < self.below
        return inside and math.isfinite(value)

    def __str__(self) -> str:
        parts = [
            f"at least {self.least:g}" if self.least > -math.inf else "",
            f"above {self.above:g}" if self.above > -math.inf else "",
            f"at most {self._most()}" if self.most < math.inf else "",
            f"below {self.below:g}" if self.below < math.inf else "",
        ]
        return " and ".join(filter(None, parts))

    def _most(self) -> str:
        return "2^53" if self.most == LARGEST else f"{self.most:.16g}"


def whole(least: int, most: int = LARGEST) -> Bounds:
    """The bounds of whole numbers."""
    return Bounds(least, most, whole=True)


COUNT, NUMBER, TWO = whole(1), whole(0), whole(2)
POSITIVE, NOT_NEGATIVE = Bounds(above=0.0), Bounds(least=0.0)
SHARE, PART = Bounds(0.0, 1.0), Bounds(above=0.0, most=1.0)

Count = Annotated[int, COUNT]  # of what there must be one of
Number = Annotated[int, NUMBER]  # a seed, a draw, a count that may be none
AtLeastTwo = Annotated[int, TWO]
Positive = Annotated[float, POSITIVE]
NotNegative = Annotated[float, NOT_NEGATIVE]
Share = Annotated[float, SHARE]  # from 0 to 1
PositiveShare = Annotated[float, PART]  # a share that is not 0
BelowOne = Annotated[float, Bounds(least=0.0, below=1.0)]


def number(bounds: Bounds) -> Callable[[str], float]:
    """A type for argparse: a number inside the bounds, whole if they are of whole numbers."""

    def read(text: str) -> float:
        try:
            value: float = int(text) if bounds.whole else float(text)
        except ValueError:
            value = math.nan
        if not text.isascii() or value not in bounds:
            kind = "a whole number" if bounds.whole else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind} {bounds}")
        return value

    read.bounds = bounds  # type: ignore[attr-defined]
    return read
