"""Decides whether a loss falls as a power law of size, data or compute, and estimates its exponent.

For each source and each value of the axes other than x, the loss of replicate r at size x is
y_r(x) = E + A x^-alpha + offset_r + noise. Only replicates measured at every size count; their
offsets are removed before the fit (`pooled`). Intervals are jackknife t intervals over whole
replicates (`jackknife`), those of alpha and A in logs. If random splits of the same images overlap,
the variance is larger by 1 + n rho / (1 - rho), as in `analysis.statistics.levels`. If the data do
not determine alpha, there is no law, and if they do not exclude E = 0, the interval of E is open
(`determined`).

`python -m tests.benchmarks.law_rates` measures how many of these intervals contain the truth.
"""

from dataclasses import dataclass, replace

import numpy as np

from analysis.laws import determined, jackknife
from analysis.laws.fit import Fit
from analysis.laws.pooled import Pooled
from analysis.statistics.intervals import FEW_SEEDS, Interval, residual_bootstrap

FEW_SIZES = 4  # one more than the parameters E, A and alpha
HELD_OUT = 4  # one size in HELD_OUT, the largest ones, is held out; at least one


@dataclass(frozen=True)
class Curve:
    """Holds the measured losses of a source: `y` is (replicates, sizes), NaN if not finished."""

    name: str  # as in: normal, m_z=1
    source: str
    sizes: np.ndarray
    y: np.ndarray
    units: tuple[int, ...]  # the numbers of the replicates or seeds
    stopped: tuple[float, ...] = ()  # the size of each trial that ended early, without a value
    overlaps: tuple[float, ...] = ()  # rho / (1 - rho) of random splits by size; empty: 0

    @property
    def overlap(self) -> float:
        """Returns the largest rho / (1 - rho) of all sizes."""
        return max(self.overlaps, default=0.0)

    def overlap_at(self, index: int) -> float:
        """Returns rho / (1 - rho) at the size of this place."""
        return self.overlaps[index] if self.overlaps else 0.0


@dataclass(frozen=True)
class HeldOut:
    """Holds the predicted and measured loss at a size that the fit did not see."""

    size: float
    predicted: float
    measured: float
    error: Interval  # predicted - measured


@dataclass(frozen=True)
class Law:
    """Holds the law of a curve up to the size at which it turns, and its extrapolations."""

    curve: Curve
    used: int  # number of sizes up to the turn
    fit: Fit
    left_out: tuple[Fit, ...]  # the fits that each leave one replicate out
    exponent: Interval
    floor: Interval
    scale: Interval
    held_out: tuple[HeldOut, ...]
    rollout: Fit  # the fit without the held-out sizes; `fit` if there are none
    open_floor: bool = False  # E = 0 fits within the noise

    def band(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the ends of the law's 95 % interval at x, NaN for fewer than 3 replicates."""
        values = np.array([fit(x) for fit in self.left_out])
        overlap, few = self.curve.overlap, len(values) < FEW_SEEDS
        half = np.full(len(x), np.nan) if few else jackknife.half_width(values, overlap)
        return self.fit(x) - half, self.fit(x) + half


@dataclass(frozen=True)
class Refusal:
    """Holds a curve without a law, and the sentence that gives the reason."""

    curve: Curve
    sentence: str


def law(curve: Curve) -> Law | Refusal:
    """Returns the law of a curve, or a refusal.

    A law is refused for fewer than four sizes before the curve turns, for a curve that does not
    fall beyond the noise, and if the data do not determine an exponent.
    """
    complete = ~np.isnan(curve.y).any(axis=1)
    y = curve.y[complete]
    if not len(y) or len(curve.sizes) < FEW_SIZES:
        return Refusal(curve, _too_few(curve, len(y)))
    units = tuple(np.array(curve.units)[complete].tolist())
    curve = replace(curve, y=y, units=units)
    wider = float(np.sqrt(jackknife.inflation(len(y), curve.overlap)))
    noise = wider * residual_bootstrap(y) if len(y) > 1 else 0.0
    used, why = _before_the_turn(y.mean(axis=0), curve.sizes, noise)
    if why:
        return Refusal(curve, why)
    return _law(curve, used)


def _law(curve: Curve, used: int) -> Law | Refusal:
    """Returns the law of the sizes up to the turn, or a refusal."""
    pooled, overlap = Pooled(curve.sizes[:used], curve.y[:, :used]), curve.overlap
    fit = pooled.fit()
    others = pooled.left_out(fit)
    if why := determined.why_not(pooled, fit, others, overlap):
        return Refusal(curve, why)
    opened = determined.floor_is_open(pooled, fit, overlap)
    exponent, floor, scale = determined.intervals(pooled, fit, others, overlap, opened)
    held_out, rollout = _extrapolated(pooled.sizes, pooled.y, overlap)
    return Law(
        curve,
        used,
        fit,
        others,
        exponent,
        floor,
        scale,
        held_out,
        rollout or fit,
        opened,
    )


def _too_few(curve: Curve, complete: int) -> str:
    lacking = int(np.isnan(curve.y).any(axis=0).sum())
    if complete:
        return f"it has {len(curve.sizes)} sizes, and a law needs {FEW_SIZES}."
    stopped = f" ({len(curve.stopped)} trials ended early and have no value)"
    return (
        f"no replicate is finished at all of its {len(curve.sizes)} sizes: "
        f"{lacking} lack some{stopped if curve.stopped else ''}."
    )


def _before_the_turn(mean: np.ndarray, sizes: np.ndarray, noise: float) -> tuple[int, str]:
    """Counts the sizes before the means rise beyond the noise, and returns a reason to refuse.

    `noise` is a half width that covers all differences of two means at once. The reason is "" if
    there is none.
    """
    lowest = np.minimum.accumulate(mean)
    risen = np.flatnonzero(mean - lowest > noise)
    used = len(mean) if not len(risen) else int(np.argmin(mean[: risen[0]])) + 1
    if used < FEW_SIZES:
        top = risen[0]
        return used, (
            f"it turns at {sizes[used - 1]:,.6g}: up to {sizes[top]:,.6g} the means rise by "
            f"{mean[top] - lowest[top]:.3g}, beyond the noise ({noise:.2g}); a curve that turns, "
            f"as in double descent, is no power law, and before the turn there are {used} sizes "
            f"of the {FEW_SIZES} that a law needs."
        )
    if mean[0] - mean[:used].min() <= noise:
        return used, f"it does not fall beyond the noise ({noise:.2g})."
    return used, ""


def _extrapolated(
    sizes: np.ndarray, y: np.ndarray, overlap: float
) -> tuple[tuple[HeldOut, ...], Fit | None]:
    """Predicts the largest sizes from the others; none if fewer than four others would be left."""
    n_held = min(max(1, len(sizes) // HELD_OUT), len(sizes) - FEW_SIZES)
    if n_held < 1:
        return (), None
    pooled = Pooled(sizes[:-n_held], y[:, :-n_held])
    fit = pooled.fit()
    others = pooled.left_out(fit)
    predictions = []
    for index in range(len(sizes) - n_held, len(sizes)):
        x, measured = sizes[index : index + 1], float(y[:, index].mean())
        predicted = float(fit(x)[0])
        errors = [
            float(other(x)[0] - np.delete(y[:, index], out).mean())
            for out, other in enumerate(others)
        ]
        error = jackknife.interval(predicted - measured, errors, overlap)
        predictions.append(HeldOut(float(sizes[index]), predicted, measured, error))
    return tuple(predictions), fit
