"""Computes intervals over draws: Student's t with its corrections, and a residual bootstrap.

A draw is a replicate or, if there is only one, a seed: `analysis.statistics.levels` decides which,
and how much random splits overlap. Three draws are never resampled: a quarter to a third of nominal
95 % intervals made that way miss the truth. Rows of `y` are draws, columns are points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from analysis.statistics import levels
from analysis.statistics.measured import check_measured_alike

LEVEL = 0.95
FEW_SEEDS = 3  # fewer draws (seeds or replicates) decide nothing
TABULATED = ("mean", "low", "high", "n", "method")  # fields of an interval that tables contain
DRAWS = 4000  # bootstrap data sets


@dataclass(frozen=True)
class Interval:
    """Holds a mean over n draws and its 95 % interval; low and high are NaN if n < 2."""

    mean: float
    low: float
    high: float
    n: int
    method: str
    df: float | None = None  # degrees of freedom; None: n - 1
    confidence: float = LEVEL

    @property
    def sign(self) -> int:
        """Returns 1 or -1 if the interval is on one side of 0, else 0; 0 for fewer than 3 draws."""
        if self.n < FEW_SEEDS:
            return 0
        return int(self.low > 0) - int(self.high < 0)

    @property
    def verdict(self) -> str:
        """States whether the quantity is shown to be positive."""
        if self.n < FEW_SEEDS:
            return f"not decided (n = {self.n} < {FEW_SEEDS})"
        return "significant" if self.sign > 0 else "not significant"

    @property
    def freedom(self) -> float:
        """Returns the degrees of freedom."""
        return float(self.n - 1) if self.df is None else self.df

    @property
    def error(self) -> float:
        """Returns the standard error of the mean, with the interval's corrections."""
        return (self.high - self.low) / 2 / float(stdtrit(self.freedom, (1 + self.confidence) / 2))

    def at(self, confidence: float) -> "Interval":
        """Returns the interval at another confidence level."""
        half = self.error * float(stdtrit(self.freedom, (1 + confidence) / 2))
        low, high = self.mean - half, self.mean + half
        return replace(self, low=low, high=high, confidence=confidence)

    def above(self, bound: float) -> float:
        """Returns the one-sided p-value of a true mean of at most `bound`; 1 if n < 2."""
        if self.n < 2 or bound == float("inf"):
            return 1.0
        if bound == -float("inf"):
            return 0.0
        if not self.error > 0:
            return 0.0 if self.mean > bound else 1.0
        return float(stdtr(self.freedom, (bound - self.mean) / self.error))

    def below(self, bound: float) -> float:
        """Returns the one-sided p-value of a true mean of at least `bound`; 1 if n < 2."""
        mirrored = replace(self, mean=-self.mean, low=-self.high, high=-self.low)
        return mirrored.above(-bound)


def t_half_width(
    values: np.ndarray,
    shared_selection: bool = False,
    overlap: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Returns the half width of the mean's t interval over the last axis, n - 1 df; NaN for n < 2.

    `shared_selection`: each draw's value was taken at a location chosen by the other n - 1 draws.
    Two such values share n - 2 of the choosing draws and are correlated, so the variance of their
    mean is s^2 (1/n + 1/(n - 1)), the correction of Nadeau and Bengio (2003), instead of s^2 / n.
    `overlap`: rho / (1 - rho) of draws with the correlation rho (`analysis.statistics.levels`); s^2
    times it is added to the variance, and twice that with `shared_selection`, since what the other
    draws share with the measured one influences the choice too. An array has one overlap per mean.
    """
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan)
    factor = 1 / n + overlap + (1 / (n - 1) + overlap if shared_selection else 0)
    quantile = stdtrit(n - 1, (1 + LEVEL) / 2)
    return np.asarray(quantile * values.std(axis=-1, ddof=1) * np.sqrt(factor))


def t_interval(
    values: np.ndarray | Sequence[float] | pd.Series,
    shared_selection: bool = False,
    overlap: float = 0.0,
) -> Interval:
    """Returns the 95 % t interval of the mean over draws; draws without a value (NaN) do not count.

    `shared_selection` and `overlap` as in `t_half_width`.
    """
    measured = np.asarray(values, dtype=float)
    measured = measured[~np.isnan(measured)]
    n = len(measured)
    mean = float(measured.mean()) if n else float("nan")
    half = float(t_half_width(measured, shared_selection, overlap))
    method = f"t, {n - 1} df" if n > 1 else "single draw" if n else "not measured"
    if shared_selection and n > 1:
        method += ", locations from the other draws, variance times 1 + n/(n - 1)"
    if overlap and n > 1:
        times = 2 if shared_selection else 1
        method += f", overlapping splits, {times * overlap:.3g} s^2 added to the variance"
    return Interval(mean, mean - half, mean + half, n, method)


def over_seeds(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Returns a row per group: mean, low, high, n, method, level and each draw's value.

    `levels.settle` decides what a draw is: the draws' columns are `replicate_0`, ... (means over
    seeds), or `seed_0`, ... if statements are about one data set. Groups without a measured value
    are left out. Each group has at most one row per replicate and seed. Raises ResultsError if the
    values of one data set were measured differently (`analysis.statistics.measured`).
    """
    check_measured_alike(frame, value)
    settled = levels.settle(frame)
    wide = levels.averaged(settled, by, value).dropna(how="all")
    groups = settled.groupby(by, dropna=False)[["level", "overlap"]].first().loc[wide.index]
    overlaps = groups["overlap"].astype(float)
    values = wide.to_numpy(dtype=float)
    intervals = [
        t_interval(row, overlap=overlap) for row, overlap in zip(values, overlaps, strict=True)
    ]
    table: dict[str, list] = {
        n: [getattr(interval, n) for interval in intervals] for n in TABULATED
    }
    table["level"] = list(groups["level"])
    unit = levels.unit_of(levels.level_of(settled))
    draws = {f"{unit}_{name}": wide[name].to_numpy(dtype=float) for name in wide.columns}
    return wide.index.to_frame(index=False).join(pd.DataFrame(table | draws))


def additive_residuals(y: np.ndarray) -> np.ndarray:
    """Returns the residuals of the model y[draw, point] ~ point + draw, over the last two axes."""
    seeds, points = y.mean(axis=-1, keepdims=True), y.mean(axis=-2, keepdims=True)
    return np.asarray(y - seeds - points + y.mean(axis=(-2, -1), keepdims=True))


def residual_bootstrap(y: np.ndarray, draws: int = DRAWS, seed: int = 0) -> float:
    """Returns a half width that covers the differences of all pairs of point means at once, 95 %.

    `y` is (draws, points). The model is additive, point + draw; the pooled residuals are resampled
    `draws` times, the model is fitted again, and the largest error of any difference, in units of
    the fitted noise, gives the quantile. Since all pairs are covered together, the pair may be
    chosen on the same data. Assumes the same noise at every point. NaN for fewer than two draws or
    points.
    """
    n, points = y.shape
    if min(n, points) < 2:
        return float("nan")
    residuals = additive_residuals(y)
    rng = np.random.default_rng(seed)
    resampled = rng.choice(residuals.ravel(), size=(draws, n, points))
    means, noise = resampled.mean(axis=1), additive_residuals(resampled).std(axis=(1, 2))
    spread = np.ptp(means, axis=-1) / np.where(noise > 0, noise, np.inf)
    return float(np.quantile(spread, LEVEL) * residuals.std())
