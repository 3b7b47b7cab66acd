"""Declares bounds of numbers with a field or a flag: `batch: Count`, `type=number(COUNT)`.

Numbers that are not finite are outside all bounds.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

LARGEST = 2**53  # up to it a float represents every whole number exactly


@dataclass(frozen=True)
class Bounds:
    """Describes an interval: from `least` or above `above`, up to `most` or below `below`."""

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
    """Returns the bounds of whole numbers from `least` to `most`."""
    return Bounds(least, most, whole=True)


COUNT, WHOLE_NUMBER, AT_LEAST_TWO = whole(1), whole(0), whole(2)
POSITIVE, NOT_NEGATIVE = Bounds(above=0.0), Bounds(least=0.0)
SHARE, POSITIVE_SHARE = Bounds(0.0, 1.0), Bounds(above=0.0, most=1.0)

Count = Annotated[int, COUNT]  # at least one
WholeNumber = Annotated[int, WHOLE_NUMBER]  # a seed, the number of a draw, a count that may be 0
AtLeastTwo = Annotated[int, AT_LEAST_TWO]
Positive = Annotated[float, POSITIVE]
NotNegative = Annotated[float, NOT_NEGATIVE]
Share = Annotated[float, SHARE]  # from 0 to 1
PositiveShare = Annotated[float, POSITIVE_SHARE]  # a share that is not 0
BelowOne = Annotated[float, Bounds(least=0.0, below=1.0)]


def number(bounds: Bounds) -> Callable[[str], float]:
    """Returns a type for argparse that accepts a number inside the bounds.

    The number must be whole if the bounds are of whole numbers.
    """

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
