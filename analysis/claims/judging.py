"""The statistics of a verdict: intervals of differences, and the regions in which they must lie.

A claim holds where the 95 % interval of each of its differences lies inside the claimed region,
fails where one lies wholly outside, and is not decided else. Two seeds have an interval (t with
one degree of freedom) and may decide; one has none, and shapes of curves take three.
Needing all of m differences asks for no correction; that one of m lies outside is looked for m
times, so for this the intervals are widened to 1 - 0.05 / m (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.special import stdtrit

from analysis.intervals import LEVEL, Interval, t_interval

HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "fails", "not decided", "not run"
FEW_SEEDS = 2  # fewer have no interval


@dataclass(frozen=True)
class Comparison:
    """A difference and the region (low, high) in which the claim puts it."""

    what: str
    interval: Interval
    low: float = 0.0
    high: float = math.inf
    seeds: int = FEW_SEEDS  # fewer decide nothing

    @property
    def enough(self) -> bool:
        return self.interval.n >= self.seeds

    @property
    def inside(self) -> bool:
        return self.low < self.interval.low and self.interval.high < self.high

    def outside(self, looks: int = 1) -> bool:
        """Whether the interval, widened for so many looks, lies wholly outside the region."""
        interval, df = self.interval, self.interval.n - 1
        wider = stdtrit(df, 1 - (1 - LEVEL) / 2 / looks) / stdtrit(df, (1 + LEVEL) / 2)
        half = (interval.high - interval.mean) * wider
        return bool(interval.mean + half < self.low or self.high < interval.mean - half)

    @property
    def room(self) -> float:
        """How deep inside the region the interval's mean lies, in half widths of the interval."""
        half = float(self.interval.high - self.interval.mean)
        depth = float(min(self.interval.mean - self.low, self.high - self.interval.mean))
        if math.isnan(half):
            return -math.inf
        return depth / half if half else math.copysign(math.inf, depth)


@dataclass(frozen=True)
class Evidence:
    """A verdict and, of the comparisons that it rests on, the one nearest to failing."""

    verdict: str
    decisive: Comparison
    comparisons: int


def judge(comparisons: Sequence[Comparison]) -> Evidence:
    """The verdict on one or more comparisons that must all hold."""
    many = len(comparisons)
    decisive = min(comparisons, key=lambda each: each.room)
    outside = [each for each in comparisons if each.enough and each.outside(many)]
    if outside:
        return Evidence(FAILS, min(outside, key=lambda each: each.room), many)
    holds = all(each.enough and each.inside for each in comparisons)
    return Evidence(HOLDS if holds else UNDECIDED, decisive, many)


def difference(first: pd.Series, other: pd.Series) -> Interval:
    """95 % interval of mean(first) - mean(other), series by seed: paired, or else Welch's.

    Seeds in common are paired from two on. With fewer both are independent samples; n is then the
    size of the smaller.
    """
    few = min(len(first), len(other))
    if len(first.index.intersection(other.index)) >= FEW_SEEDS or few < FEW_SEEDS:
        return t_interval((first - other).dropna())
    part, rest = (each.var(ddof=1) / len(each) for each in (first, other))
    square = part**2 / (len(first) - 1) + rest**2 / (len(other) - 1)
    df = (part + rest) ** 2 / square if square else few - 1.0
    half = float(stdtrit(df, (1 + LEVEL) / 2)) * math.sqrt(part + rest)
    mean = float(first.mean() - other.mean())
    return Interval(mean, mean - half, mean + half, few, f"Welch's t, {df:.1f} df")
