"""Decides which of a law's numbers the data determine, and gives their intervals.

Where a curve lies on its plateau from the second size on, every large alpha fits it; where it has
not bent yet, every E from 0 up to some value does, each with an alpha of its own. A fit then stops
anywhere in a flat valley of the loss, and fits that leave out one replicate stop near it, so their
spread says nothing. Therefore the loss is compared with its minimum for alpha held at the limits of
its range, and for E held at 0. Random splits that overlap allow it to rise by more.
"""

import numpy as np
from scipy.optimize import brentq

from analysis.laws import jackknife
from analysis.laws.fit import LARGEST, SMALLEST, Fit
from analysis.laws.pooled import Pooled
from analysis.statistics.intervals import FEW_SEEDS, LEVEL, Interval

Numbers = tuple[Interval, Interval, Interval]  # of alpha, E and A
BENT = 0.99  # confidence at which E > 0 is shown: an E shown by chance is far too large
FLOORS = 5  # values of E from 0 to the largest that fits, at which alpha and A are bounded
PRECISION = 1e-3  # of the largest E that fits, relative to the span of y


def why_not(pooled: Pooled, fit: Fit, left_out: tuple[Fit, ...], overlap: float) -> str:
    """Returns why the data do not determine alpha, "" if they do.

    They do not if alpha at a limit of its range fits as well as the best alpha at 95 %, or if a
    fit runs to such a limit. `overlap` is rho / (1 - rho) of random splits.
    """
    allowed = _allowed(pooled, overlap, LEVEL)
    start = f"these {len(pooled.sizes)} sizes do not determine its exponent: "
    for limit, text in ((LARGEST, "any larger one"), (SMALLEST, "any smaller one")):
        if pooled.rise(fit, exponent=limit) <= allowed:
            return f"{start}alpha = {fit.exponent:.3g} and {text} fit within the noise."
    if fit.at_limit or any(other.at_limit for other in left_out):
        return f"{start}a fit runs to its limit."
    return ""


def floor_is_open(pooled: Pooled, fit: Fit, overlap: float) -> bool:
    """Returns whether E = 0 fits within the noise, at 99 %; never if a y is not positive."""
    return pooled.logs and pooled.rise(fit, floor=0.0) <= _allowed(pooled, overlap, BENT)


def _allowed(pooled: Pooled, overlap: float, confidence: float) -> float:
    return pooled.noise(confidence) * jackknife.inflation(len(pooled.y), overlap)


def intervals(
    pooled: Pooled, fit: Fit, left_out: tuple[Fit, ...], overlap: float, open_floor: bool
) -> Numbers:
    """Returns the 95 % intervals of alpha, E and A; NaN ends for fewer than 3 replicates.

    They are jackknife intervals. With `open_floor`, that of E reaches from 0 to the largest E that
    fits within the noise at 95 %, and those of alpha and A contain the jackknife intervals with E
    held anywhere in it.
    """
    free = _jackknife(fit, left_out, overlap)
    if not open_floor or len(left_out) < FEW_SEEDS:
        return free
    highest = _largest_floor(pooled, fit, overlap)
    fits = [_held(pooled, fit, floor, overlap) for floor in np.linspace(0.0, highest, FLOORS)]
    n = len(left_out)
    method = f"E from 0 on fits within the noise; jackknife over {n} replicates"
    alpha, scale = (
        Interval(
            value, min(e[index].low for e in fits), max(e[index].high for e in fits), n, method
        )
        for index, value in ((0, fit.exponent), (2, fit.scale))
    )
    return alpha, Interval(fit.floor, 0.0, highest, n, method), scale


def _jackknife(fit: Fit, left_out: tuple[Fit, ...], overlap: float) -> Numbers:
    return (
        jackknife.in_logs(fit.exponent, [other.exponent for other in left_out], overlap),
        jackknife.interval(fit.floor, [other.floor for other in left_out], overlap),
        jackknife.in_logs(fit.scale, [other.scale for other in left_out], overlap),
    )


def _held(pooled: Pooled, near: Fit, floor: float, overlap: float) -> Numbers:
    """Returns the jackknife intervals of alpha and A with E held at a value."""
    fit = pooled.fit(near, floor)
    return _jackknife(fit, pooled.left_out(fit, floor), overlap)


def _largest_floor(pooled: Pooled, fit: Fit, overlap: float) -> float:
    """Returns the largest E that fits within the noise; the largest y if even that does."""
    allowed = _allowed(pooled, overlap, LEVEL)
    top, span = float(pooled.y.max()), float(np.ptp(pooled.y))

    def beyond(floor: float) -> float:
        return pooled.rise(fit, floor=floor) - allowed

    if beyond(top) <= 0:
        return top
    return float(brentq(beyond, fit.floor, top, xtol=PRECISION * span))
