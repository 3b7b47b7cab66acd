"""Fits a law to all replicates together, and finds which other laws would fit as well.

Replicates differ by an offset that all sizes share, as of data that is harder at every size, and
it may be much larger than the noise within a replicate. It is removed before the fit, so that the
threshold of the Huber loss and the weight of a replicate depend on the noise within alone. The
offset of a replicate is the median, over sizes, of its residuals about each size's mean, which one
bad trial hardly moves; the mean offset stays, so that each size keeps its mean. All of it is done
in log y if every y is positive, otherwise in y.
"""

import numpy as np
from scipy.special import stdtrit

from analysis.laws.fit import DELTA, EFFICIENT, Fit, fit, in_logs
from analysis.statistics.intervals import additive_residuals


class Pooled:
    """Holds losses y (replicates, sizes) at `sizes`, and the Huber threshold of their noise."""

    def __init__(self, sizes: np.ndarray, y: np.ndarray) -> None:
        self.sizes, self.y, self.delta = sizes, y, DELTA
        self.logs = in_logs(y)
        n, points = y.shape
        self.df = (n - 1) * (points - 1)  # of the noise within replicates
        if n > 1:
            scaled = np.log(y) if self.logs else y
            sd = float(np.sqrt((additive_residuals(scaled) ** 2).sum() / self.df))
            self.delta = max(EFFICIENT * sd, 1e-9 * float(np.ptp(scaled)))

    def fit(
        self, near: Fit | None = None, floor: float | None = None, exponent: float | None = None
    ) -> Fit:
        """Returns the fit to all replicates; arguments as in `fit.fit`."""
        return self._fit(self.y, near, floor, exponent)

    def left_out(self, near: Fit, floor: float | None = None) -> tuple[Fit, ...]:
        """Returns the fits that each leave one replicate out; none for one replicate."""
        n = len(self.y) if len(self.y) > 1 else 0
        return tuple(self._fit(np.delete(self.y, index, axis=0), near, floor) for index in range(n))

    def rise(self, best: Fit, floor: float | None = None, exponent: float | None = None) -> float:
        """Returns by how much holding E or alpha at a value raises the loss, as a squared t value.

        For normal noise it is twice the rise of the loss in units of the noise's variance, and has
        at most the distribution of a squared t variable with `df` degrees of freedom.
        """
        more = self.fit(best, floor, exponent).loss - best.loss
        return 2 * EFFICIENT**2 * max(more, 0.0)

    def noise(self, confidence: float) -> float:
        """Returns the `rise` that noise alone exceeds with probability 1 - `confidence`."""
        return float(stdtrit(self.df or np.inf, (1 + confidence) / 2) ** 2)

    def _fit(
        self,
        y: np.ndarray,
        near: Fit | None = None,
        floor: float | None = None,
        exponent: float | None = None,
    ) -> Fit:
        x = np.tile(self.sizes, len(y))
        return fit(x, self._aligned(y).ravel(), self.delta, near, floor, exponent)

    def _aligned(self, y: np.ndarray) -> np.ndarray:
        """Removes the offset of each replicate from its mean offset."""
        scaled = np.log(y) if self.logs else y
        offsets = np.median(scaled - scaled.mean(axis=0), axis=1, keepdims=True)
        aligned = scaled - offsets + offsets.mean()
        return np.exp(aligned) if self.logs else aligned
