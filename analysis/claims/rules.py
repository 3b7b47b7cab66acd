"""When a claim holds: regions in which the 95 % interval of a difference over seeds must lie.

A rule makes comparisons, each a difference with its interval. The claim holds where every interval
lies inside the rule's region, fails where one lies wholly outside it, and is not decided else, as
with fewer than three seeds. Needing all of m comparisons to hold asks for no correction; that one
fails is looked for m times, so for it the intervals are widened to 1 - 0.05 / m (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.claims.arms import NORMAL, Along, Arm, placed
from analysis.claims.cells import Cell, Columns
from analysis.intervals import FEW_SEEDS, LEVEL, Interval, t_half_width, t_interval

HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "fails", "not decided", "not run"
DOUBLED = ("m_z", "n_c", "k")  # slopes along these are per doubling, along shares per unit


@dataclass(frozen=True)
class Comparison:
    """A difference and the region (low, high) in which the claim puts it."""

    what: str
    interval: Interval
    low: float = 0.0
    high: float = math.inf

    @property
    def room(self) -> float:
        """How far inside the region the interval lies, in half widths; the least decides."""
        inside = min(self.interval.low - self.low, self.high - self.interval.high)
        half = self.interval.high - self.interval.mean
        return -math.inf if math.isnan(inside) else inside / half if half else inside * math.inf


@dataclass(frozen=True)
class Evidence:
    """A verdict and the comparison that decides it, of as many as there are."""

    verdict: str
    decisive: Comparison
    comparisons: int


def judge(comparisons: Sequence[Comparison]) -> Evidence:
    """The verdict on comparisons that must all hold."""
    decisive = min(comparisons, key=lambda each: each.room)
    decided = [each for each in comparisons if each.interval.n >= FEW_SEEDS]
    outside = [each for each in decided if _outside(each, len(comparisons))]
    if outside:
        return Evidence(FAILS, min(outside, key=lambda each: each.room), len(comparisons))
    inside = [each.interval.low > each.low and each.interval.high < each.high for each in decided]
    holds = len(decided) == len(comparisons) and all(inside)
    return Evidence(HOLDS if holds else UNDECIDED, decisive, len(comparisons))


def _outside(comparison: Comparison, comparisons: int) -> bool:
    interval = comparison.interval
    wide = stdtrit(interval.n - 1, 1 - (1 - LEVEL) / 2 / comparisons)
    half = (interval.high - interval.mean) * wide / stdtrit(interval.n - 1, (1 + LEVEL) / 2)
    return bool(interval.mean - half > comparison.high or interval.mean + half < comparison.low)


def difference(first: pd.Series, other: pd.Series) -> Interval:
    """95 % interval of mean(first) - mean(other): paired by seed, else Welch's.

    Paired where at least two seeds have both; without that the seeds are independent samples, with
    Welch's degrees of freedom, and n is the smaller of their numbers.
    """
    both = first.index.intersection(other.index)
    few = min(len(first), len(other))
    if len(both) >= 2 or few < 2:
        return t_interval((first - other).dropna())
    shares = [each.var(ddof=1) / len(each) for each in (first, other)]
    square = sum(part**2 / (len(s) - 1) for part, s in zip(shares, (first, other), strict=True))
    df = sum(shares) ** 2 / square if square else few - 1.0
    half = float(stdtrit(df, (1 + LEVEL) / 2)) * math.sqrt(sum(shares))
    mean = float(first.mean() - other.mean())
    return Interval(mean, mean - half, mean + half, few, f"Welch's t, {df:.1f} df")


@dataclass(frozen=True)
class Term:
    """A number by seed: a column's final value of an arm, or its slope along the arm's axis."""

    column: str | Columns
    arm: Arm = NORMAL

    @property
    def columns(self) -> Columns:
        return (self.column,) if isinstance(self.column, str) else self.column

    @property
    def along(self) -> str | None:
        """The axis of the slope, None where the term is a plain value."""
        return next(iter(self.arm.axes(Along)), None)

    @property
    def named(self) -> str:
        """The column, or what several have in common."""
        if isinstance(self.column, str):
            return self.column
        return f"mean of {', '.join(self.column)}"

    def measure(self, cell: Cell, axis: Sequence[float]) -> pd.Series:
        """By seed, at the place of the arm; a slope over the values of the axis."""
        if self.along is None:
            return cell.values(self.arm, self.columns)
        curve = self.curve(cell, axis)
        x = np.log2(curve.columns) if self.along in DOUBLED else np.asarray(curve.columns)
        x = x - x.mean()
        return pd.Series(curve.to_numpy() @ x / (x @ x), index=curve.index)

    def curve(self, cell: Cell, axis: Sequence[float]) -> pd.DataFrame:
        """Seeds x values of the axis; only seeds measured at all of them."""
        arms = {value: replace(self.arm, **{self.along: value}) for value in axis}  # type: ignore[arg-type]
        each = {value: cell.values(arm, self.columns) for value, arm in arms.items()}
        return pd.DataFrame(each).dropna()


@dataclass(frozen=True)
class Margin:
    """What counts as no difference: a share of normal training's column at the base, or a number.

    By default a tenth of the generalization gap of normal training, which is what is at stake.
    """

    share: float = 0.1
    column: str = "generalization_gap"
    number: float = 0.0

    @property
    def text(self) -> str:
        if self.number:
            return f"{self.number:g}"
        return f"{self.share:.0%} of the {self.column} of normal training at the baseline"

    def size(self, cell: Cell) -> float | None:
        """None where normal training is not measured."""
        arm = placed(NORMAL, cell.points(NORMAL, (self.column,)))
        if self.number or arm is None:
            return self.number or None
        return abs(self.share * float(cell.values(arm, (self.column,)).mean()))


@dataclass(frozen=True)
class Differs:
    """first - other (or first - constant) for each of the others is above 0, or below.

    `side`: "above" or "below" 0; "equal": within the margin; "not above", "not below": not beyond
    it on that side.
    """

    first: Term
    others: tuple[Term, ...] = ()
    side: str = "above"
    constant: float = 0.0
    margin: Margin = Margin()

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.first, *self.others)

    @property
    def needs(self) -> list[str]:
        """The columns without which nothing is decided."""
        extra = [] if self.side in ("above", "below") or self.margin.number else [self.margin]
        every = [name for term in self.terms for name in term.columns]
        return list(dict.fromkeys([*every, *(margin.column for margin in extra)]))

    @property
    def trials(self) -> str:
        """The trials in words."""
        return "; ".join(dict.fromkeys(f"{t.arm.name} at {t.arm.place}" for t in self.terms))

    @property
    def text(self) -> str:
        """The rule of the verdict in one sentence."""
        others = " and ".join(f"minus {t.arm.name} ({t.arm.place})" for t in self.others)
        first = f"{self.first.named} of {self.first.arm.name} ({self.first.arm.place})"
        first = f"the slope of {first} along {self.first.along}" if self.first.along else first
        what = f"{first} {others}".strip() + (f" minus {self.constant:g}" if self.constant else "")
        region = {
            "above": "above 0",
            "below": "below 0",
            "equal": f"within +-{self.margin.text}",
            "not above": f"below {self.margin.text}",
            "not below": f"above minus {self.margin.text}",
        }
        return f"holds where the 95 % interval of {what} lies {region[self.side]}"

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """One per other term and per value of Each; none where a term is not measured."""
        size = 0.0 if self.side in ("above", "below") else self.margin.size(cell)
        choices = [set(c) for t in self.terms if (c := cell.choices(t.arm, t.columns)) != {()}]
        if size is None:
            return []
        found: list[Comparison] = []
        for choice in sorted(set.intersection(*choices)) if choices else [()]:
            found += self._at(cell, dict(choice), self._region(size))
        return found

    def _region(self, size: float) -> tuple[float, float]:
        return {
            "above": (0.0, math.inf),
            "below": (-math.inf, 0.0),
            "equal": (-size, size),
            "not above": (-math.inf, size),
            "not below": (-size, math.inf),
        }[self.side]
