"""Computes verdicts from intervals of differences and the regions in which they must be.

With an error of 5 % a claim holds if the 95 % interval of each of its differences is inside the
claimed region, fails if one is wholly outside, and is otherwise not decided; other errors have
other intervals. Two draws have an interval (t with one degree of freedom) and may decide; one draw
has none, and shapes of curves need three. A claim that needs all of m differences needs no
correction; that one of m is outside is tested m times, so its p-value counts m times (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd
from scipy.special import stdtrit

from analysis.statistics.intervals import LEVEL, Interval, t_interval
from analysis.statistics.planned import FAILS, HOLDS, NOT_RUN, UNDECIDED, PValues

__all__ = ["FAILS", "HOLDS", "NOT_RUN", "UNDECIDED", "Compared", "Comparison", "Evidence", "judge"]
FEW_SEEDS = 2  # fewer draws have no interval


class Compared(Protocol):
    """Defines what a verdict needs: a comparison, or the count of several that hold.

    `what` is compared, `interval` is that of the difference, and `low` and `high` are the ends of
    the claimed region. `spread` describes the variance components, `shared` is as in `Comparison`,
    and with `enough` draws something may be decided. `inside` and `outside` are the two-sided
    p-values that speak for and against the claim, `room` is the depth inside the region.
    """

    @property
    def what(self) -> str: ...
    @property
    def interval(self) -> Interval: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def spread(self) -> str: ...
    @property
    def shared(self) -> bool: ...
    @property
    def enough(self) -> bool: ...
    @property
    def inside(self) -> float: ...
    @property
    def outside(self) -> float: ...
    @property
    def room(self) -> float: ...


@dataclass(frozen=True)
class Comparison:
    """Holds a difference and the region (low, high) that the claim gives for it."""

    what: str
    interval: Interval
    low: float = 0.0
    high: float = math.inf
    seeds: int = FEW_SEEDS  # fewer draws decide nothing
    spread: str = ""  # variance components of the difference, if draws have several seeds
    shared: bool = False  # whether draws were measured at locations chosen by the others

    @property
    def enough(self) -> bool:
        """Returns whether there are enough draws to decide anything."""
        return self.interval.n >= self.seeds

    @property
    def inside(self) -> float:
        """Returns the two-sided p-value of a difference outside the region, or at its edge."""
        return 2 * max(self.interval.above(self.low), self.interval.below(self.high))

    @property
    def outside(self) -> float:
        """Returns the two-sided p-value of a difference in the region."""
        return 2 * min(self.interval.below(self.low), self.interval.above(self.high))

    @property
    def room(self) -> float:
        """Returns the depth of the mean inside the region, in half widths of the interval."""
        half = float(self.interval.high - self.interval.mean)
        depth = float(min(self.interval.mean - self.low, self.high - self.interval.mean))
        if math.isnan(half):
            return -math.inf
        return depth / half if half else math.copysign(math.inf, depth)


@dataclass(frozen=True)
class Evidence:
    """Holds a verdict and the one of its comparisons that is nearest to failing."""

    verdict: str
    decisive: Compared
    comparisons: int
    p: PValues


def p_values(comparisons: Sequence[Compared]) -> PValues:
    """Returns the p-values of comparisons that must all hold; too few draws give 1."""
    enough = [c for c in comparisons if c.enough]
    holds = max(c.inside for c in comparisons) if len(enough) == len(comparisons) else 1.0
    fails = min((c.outside for c in enough), default=1.0)
    return PValues(min(1.0, holds), min(1.0, len(comparisons) * fails))


def judge(comparisons: Sequence[Compared], error: float = 1 - LEVEL) -> Evidence:
    """Judges, at this error, one or more comparisons that must all hold."""
    p = p_values(comparisons)
    verdict = p.verdict(error)
    decisive = min(comparisons, key=lambda c: c.room)
    if verdict == FAILS:
        decisive = min((c for c in comparisons if c.enough), key=lambda c: c.outside)
    return Evidence(verdict, decisive, len(comparisons), p)


def difference(first: pd.Series, other: pd.Series, overlap: float = 0.0) -> Interval:
    """Returns the 95 % interval of mean(first) - mean(other), series by draw, paired or Welch's.

    With three or more common draws, or fewer than three draws of one of them, the interval is
    paired. Otherwise both are independent samples, and n is the size of the smaller one. `overlap`
    is as in `analysis.statistics.intervals.t_half_width`.
    """
    few = min(len(first), len(other))
    if len(first.index.intersection(other.index)) >= FEW_SEEDS or few < FEW_SEEDS:
        return t_interval((first - other).dropna(), overlap=overlap)
    part, rest = (values.var(ddof=1) * (1 / len(values) + overlap) for values in (first, other))
    square = part**2 / (len(first) - 1) + rest**2 / (len(other) - 1)
    df = (part + rest) ** 2 / square if square else few - 1.0
    half = float(stdtrit(df, (1 + LEVEL) / 2)) * math.sqrt(part + rest)
    mean = float(first.mean() - other.mean())
    return Interval(mean, mean - half, mean + half, few, f"Welch's t, {df:.1f} df", df)
