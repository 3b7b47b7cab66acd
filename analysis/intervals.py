"""Seeds -> intervals: Student's t over seeds, its correction after selection, a residual bootstrap.

Three seeds are never resampled: of a 95 % interval made that way a quarter to a third misses the
truth. Everything here takes a seed's value as one draw; rows of `y` are seeds, columns points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import stdtrit

LEVEL = 0.95
FEW_SEEDS = 3  # fewer decide nothing
DRAWS = 4000  # bootstrap data sets


@dataclass(frozen=True)
class Interval:
    """A mean over n seeds and its 95 % interval; low and high are NaN where n < 2."""

    mean: float
    low: float
    high: float
    n: int
    method: str

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0; 0 for fewer than 3 seeds."""
        if self.n < FEW_SEEDS:
            return 0
        return int(self.low > 0) - int(self.high < 0)

    @property
    def verdict(self) -> str:
        """Whether the quantity is shown to be positive."""
        if self.n < FEW_SEEDS:
            return f"not decided (n = {self.n} seed{'s' if self.n != 1 else ''} < {FEW_SEEDS})"
        return "significant" if self.sign > 0 else "not significant"


def t_half_width(values: np.ndarray, shared_selection: bool = False) -> np.ndarray:
    """Half width of the 95 % t interval of the mean over the last axis, n - 1 df; NaN for n < 2.

    `shared_selection`: the value of each seed was taken where the other n - 1 seeds pointed. Two
    such values share n - 2 of the seeds that pointed and are correlated, so the variance of their
    mean is s^2 (1/n + 1/(n - 1)), the correction of Nadeau and Bengio (2003), instead of s^2 / n.
    """
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan)
    factor = 1 / n + (1 / (n - 1) if shared_selection else 0)
    quantile = stdtrit(n - 1, (1 + LEVEL) / 2)
    return np.asarray(quantile * values.std(axis=-1, ddof=1) * np.sqrt(factor))


def t_interval(
    values: np.ndarray | Sequence[float] | pd.Series, shared_selection: bool = False
) -> Interval:
    """95 % t interval of the mean over seeds; seeds without a value (NaN) do not count."""
    measured = np.asarray(values, dtype=float)
    measured = measured[~np.isnan(measured)]
    n = len(measured)
    mean = float(measured.mean()) if n else float("nan")
    half = float(t_half_width(measured, shared_selection))
    method = f"t, {n - 1} df" if n > 1 else "single seed" if n else "not measured"
    if shared_selection and n > 1:
        method += ", locations from the other seeds, variance times 1 + n/(n - 1)"
    return Interval(mean, mean - half, mean + half, n, method)


def over_seeds(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """A row per group: mean, low, high, n, method and each seed's value (`seed_0`, ...).

    Groups without a measured value are left out. Each group has at most one row per seed.
    """
    wide = frame.set_index([*by, "seed"])[value].unstack("seed").dropna(how="all")
    each = [t_interval(row) for row in wide.to_numpy(dtype=float)]
    found = {f.name: [getattr(interval, f.name) for interval in each] for f in fields(Interval)}
    seeds = {f"seed_{seed}": wide[seed].to_numpy(dtype=float) for seed in wide.columns}
    return wide.index.to_frame(index=False).join(pd.DataFrame(found | seeds))


def additive_residuals(y: np.ndarray) -> np.ndarray:
    """Residuals of y[seed, point] ~ point + seed, over the last two axes."""
    seeds, points = y.mean(axis=-1, keepdims=True), y.mean(axis=-2, keepdims=True)
    return np.asarray(y - seeds - points + y.mean(axis=(-2, -1), keepdims=True))


def residual_bootstrap(y: np.ndarray, draws: int = DRAWS, seed: int = 0) -> float:
    """Half width that holds for the differences between all pairs of point means at once, 95 %.

    Additive model point + seed; the pooled residuals are resampled, the model is fitted again, and
    the largest error of any difference, in units of the fitted noise, gives the quantile. Since
    all pairs are covered together, the pair may be chosen by looking at the same data. Assumes
    the same noise at every point. NaN for fewer than two seeds or points.
    """
    n, points = y.shape
    if min(n, points) < 2:
        return float("nan")
    residuals = additive_residuals(y)
    rng = np.random.default_rng(seed)
    again = rng.choice(residuals.ravel(), size=(draws, n, points))
    means, noise = again.mean(axis=1), additive_residuals(again).std(axis=(1, 2))
    spread = np.ptp(means, axis=-1) / np.where(noise > 0, noise, np.inf)
    return float(np.quantile(spread, LEVEL) * residuals.std())
