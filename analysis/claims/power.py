"""How many draws would decide what is open, at the effect and the noise seen.

With standard error e of a mean over n draws, and k more of the same kind, the error shrinks with
the square root of 1/n + c, c being what splits have in common (`analysis.intervals.t_half_width`).
The power of a one-sided t test at a distance d is that of the noncentral t distribution with
noncentrality d / e (exact for normal noise). A claim of several comparisons holds with at least
1 - sum(1 - power), whatever they have in common; it fails with the largest power of any.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtr, ndtr, stdtrit

from analysis.claims.judging import Compared
from analysis.planned import ERRORS, SIZES

POWER = 0.8  # with which a size must decide
MOST = 100  # draws; more are not worth it
FAR = 30.0  # a noncentrality at which the power is 1


@dataclass(frozen=True)
class Needed:
    """The draws that would decide a claim with a power of at least POWER."""

    size: int | None  # of any size up to MOST; None: more
    planned: int | None  # the first planned size still ahead that would do; None: none does
    power: float  # at `planned`, else at the last planned size


def needed(
    comparisons: Sequence[Compared], reached: int, overlap: float = 0.0, error: float | None = None
) -> Needed | None:
    """The sizes that would decide comparisons that must all hold, beyond those reached.

    `error` is that of any size, where it is not the planned one. None where a comparison has no
    interval yet, so that no noise is seen.
    """
    if not comparisons or any(not each.interval.error >= 0 for each in comparisons):
        return None
    planned = {n: error or allowed for n, allowed in zip(SIZES, ERRORS, strict=True) if n > reached}
    each = {n: power(comparisons, n, allowed, overlap) for n, allowed in planned.items()}
    first = next((n for n, found in each.items() if found >= POWER), None)
    last = error or ERRORS[-1]
    sizes = range(max(reached, 2) + 1, MOST + 1)
    size = first or next((n for n in sizes if power(comparisons, n, last, overlap) >= POWER), None)
    shown = each[first] if first else (list(each.values()) or [0.0])[-1]
    return Needed(size, first, shown)


def power(comparisons: Sequence[Compared], n: int, error: float, overlap: float = 0.0) -> float:
    """The probability with which n draws decide, in the direction that looks more likely."""
    inside = [_inside(each, n, error, overlap) for each in comparisons]
    holds = 1 - sum(1 - each for each in inside)
    fails = max(_outside(each, n, error / len(comparisons), overlap) for each in comparisons)
    return max(0.0, holds, fails)


def standard_error(compared: Compared, n: int, overlap: float = 0.0) -> float:
    """Of n draws, from that of the draws seen."""
    seen = _factor(compared.interval.n, compared.shared, overlap)
    return compared.interval.error * float(np.sqrt(_factor(n, compared.shared, overlap) / seen))


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
    """The power of showing a distance to be above 0, at error / 2."""
    if e == 0 or not np.isfinite(distance):
        return float(distance > 0)
    at, critical = distance / e, float(stdtrit(n - 1, 1 - error / 2))
    if at > FAR + critical:
        return 1.0
    found = float(1 - nctdtr(n - 1, at, critical))
    return float(ndtr(at - critical)) if np.isnan(found) else found
