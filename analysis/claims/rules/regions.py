"""Defines regions in which a claim expects a difference, and margins that count as none."""

import math
from dataclasses import dataclass

from analysis.claims.trials.arms import NORMAL
from analysis.claims.trials.cells import Cell


@dataclass(frozen=True)
class Margin:
    """Defines what counts as no difference: a number, or a share of normal training's column.

    The default is a tenth of normal training's generalization gap, which the paper aims to reduce.
    """

    share: float = 0.1
    column: str = "generalization_gap"
    number: float = 0.0

    @property
    def text(self) -> str:
        """Describes the margin in words."""
        if self.number:
            return f"{self.number:g}"
        return f"{self.share:.0%} of normal training's {self.column} at the baseline"

    def size(self, cell: Cell) -> float | None:
        """Returns the margin in the unit of its column, None if normal training is not measured."""
        columns = (self.column,)
        arms = cell.at([NORMAL], [columns])
        if self.number or not arms:
            return self.number or None
        return abs(self.share * float(cell.values(arms[0], columns).mean()))


@dataclass(frozen=True)
class Region:
    """Defines an interval of differences, in units of the margin if there is one."""

    low: float
    high: float
    margin: Margin | None = None

    @property
    def text(self) -> str:
        """Describes the region in words."""
        if self.margin is None:
            return "above 0" if self.low == 0 else "below 0"
        if math.isinf(self.low):
            return f"at most {self.margin.text}"
        if math.isinf(self.high):
            return f"at least minus {self.margin.text}"
        return f"within {self.margin.text}, either way"

    def bounds(self, cell: Cell) -> tuple[float, float] | None:
        """Returns both ends in the unit of the difference, None if the margin is unknown."""
        size = self.margin.size(cell) if self.margin else 1.0
        if size is None:
            return None
        low, high = (end * size if math.isfinite(end) else end for end in (self.low, self.high))
        return low, high


GAP = Margin()
DECIBELS = Margin(number=0.5)  # for PSNRs: the means of Table 11 differ by at most 0.45 dB
ABOVE, BELOW = Region(0.0, math.inf), Region(-math.inf, 0.0)


def equal(margin: Margin = GAP) -> Region:
    """Returns the region without a difference in either direction."""
    return Region(-1.0, 1.0, margin)


def no_gain(margin: Margin = GAP) -> Region:
    """Returns the region without a rise; a fall is allowed."""
    return Region(-math.inf, 1.0, margin)


def no_loss(margin: Margin = GAP) -> Region:
    """Returns the region without a fall; a rise is allowed."""
    return Region(-1.0, math.inf, margin)
