"""Computes how many draws would decide a claim, at the measured effect and noise.

The standard error e of a mean over n draws is proportional to the square root of 1/n + c, where c
is due to what splits have in common (`analysis.statistics.intervals.t_half_width`). The power of a
one-sided t test at a distance d follows from the noncentral t distribution with noncentrality d / e
(exact for normal noise). A claim of several comparisons holds with probability at least 1 - sum(1 -
power), however they depend on each other; it fails with the largest power of any.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtr, ndtr, stdtrit

from analysis.claims.rules.judging import Compared
from analysis.statistics.planned import ERRORS, SIZES

POWER = 0.8  # the least power of a size that counts as sufficient
MOST = 100  # largest number of draws that is considered
FAR = 30.0  # noncentrality beyond which the power is 1


@dataclass(frozen=True)
class Needed:
    """Holds the draws that would decide a claim with a power of at least POWER."""

    size: int | None  # any size up to MOST; None: more
    planned: int | None  # the first sufficient planned size still ahead; None: there is none
    power: float  # power at `planned`, else at the last planned size


def needed(
    comparisons: Sequence[Compared], reached: int, overlap: float = 0.0, error: float | None = None
) -> Needed | None:
    """Returns the sizes, beyond those reached, that would decide comparisons that must all hold.

    `error` replaces the planned errors at every size. The result is None if a comparison has no
    interval yet, so that its noise is unknown.
    """
    if not comparisons or any(not c.interval.error >= 0 for c in comparisons):
        return None
    planned = {n: error or allowed for n, allowed in zip(SIZES, ERRORS, strict=True) if n > reached}
    powers = {n: power(comparisons, n, allowed, overlap) for n, allowed in planned.items()}
    first = next((n for n, value in powers.items() if value >= POWER), None)
    last = error or ERRORS[-1]
    sizes = range(max(reached, 2) + 1, MOST + 1)
    size = first or next((n for n in sizes if power(comparisons, n, last, overlap) >= POWER), None)
    planned_power = powers[first] if first else (list(powers.values()) or [0.0])[-1]
    return Needed(size, first, planned_power)


def power(comparisons: Sequence[Compared], n: int, error: float, overlap: float = 0.0) -> float:
    """Returns the probability that n draws decide, in the more likely direction."""
    inside = [_inside(c, n, error, overlap) for c in comparisons]
    holds = 1 - sum(1 - p for p in inside)
    fails = max(_outside(c, n, error / len(comparisons), overlap) for c in comparisons)
    return max(0.0, holds, fails)


def standard_error(compared: Compared, n: int, overlap: float = 0.0) -> float:
    """Returns the standard error for n draws, from that of the measured draws."""
    measured = _factor(compared.interval.n, compared.shared, overlap)
    return compared.interval.error * float(np.sqrt(_factor(n, compared.shared, overlap) / measured))


def _factor(n: int, shared: bool, overlap: float) -> float:
    return 1 / n + overlap + (1 / (n - 1) + overlap if shared else 0)


def _inside(compared: Compared, n: int, error: float, overlap: float) -> float:
    mean, e = compared.interval.mean, standard_error(compared, n, overlap)
    ends = [d for d in (mean - compared.low, compared.high - mean) if np.isfinite(d)]
    return max(0.0, 1 - sum(1 - _one_sided(d, e, n, error) for d in ends))


def _outside(compared: Compared, n: int, error: float, overlap: float) -> float:
    mean, e = compared.interval.mean, standard_error(compared, n, overlap)
    return max(_one_sided(d, e, n, error) for d in (compared.low - mean, mean - compared.high))


def _one_sided(distance: float, e: float, n: int, error: float) -> float:
    """Returns the power of the one-sided test that a distance is above 0, at error / 2."""
    if e == 0 or not np.isfinite(distance):
        return float(distance > 0)
    noncentrality, critical = distance / e, float(stdtrit(n - 1, 1 - error / 2))
    if noncentrality > FAR + critical:
        return 1.0
    exact = float(1 - nctdtr(n - 1, noncentrality, critical))
    return float(ndtr(noncentrality - critical)) if np.isnan(exact) else exact
