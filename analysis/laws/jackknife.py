"""Computes jackknife t intervals from the estimates that each leave one replicate out.

The interval is theta +- t(n - 1) SE, SE^2 = (n - 1)/n times the sum of the squared deviations of
these estimates from their mean. This keeps together the noise that the sizes of a replicate share.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.intervals import FEW_SEEDS, LEVEL, Interval


def inflation(n: int, overlap: float) -> float:
    """Returns by how much the variance of a mean over n random splits exceeds s^2 / n.

    `overlap` is rho / (1 - rho) of splits with the correlation rho (`analysis.statistics.levels`).
    """
    return 1 + n * overlap


def half_width(left_out: np.ndarray, overlap: float = 0.0) -> np.ndarray:
    """Returns the half width of the 95 % interval for estimates (n, ...), in their unit."""
    n = len(left_out)
    squares = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    variance = (n - 1) / n * squares * inflation(n, overlap)
    return np.asarray(stdtrit(n - 1, (1 + LEVEL) / 2) * np.sqrt(variance))


def interval(value: float, left_out: Sequence[float], overlap: float = 0.0) -> Interval:
    """Returns the 95 % interval about a value, with NaN ends for fewer than 3 replicates."""
    n = max(len(left_out), 1)
    if n < FEW_SEEDS:
        return Interval(value, float("nan"), float("nan"), n, "too few")
    half = float(half_width(np.array(left_out), overlap))
    method = f"jackknife over {n} replicates, t, {n - 1} df"
    if overlap:
        method += f", overlapping splits, variance times {inflation(n, overlap):.3g}"
    return Interval(value, value - half, value + half, n, method)


def in_logs(value: float, left_out: Sequence[float], overlap: float = 0.0) -> Interval:
    """Returns the 95 % interval of a positive value, computed in logs."""
    log = interval(float(np.log(value)), list(np.log(left_out)), overlap)
    return Interval(value, float(np.exp(log.low)), float(np.exp(log.high)), log.n, log.method)
