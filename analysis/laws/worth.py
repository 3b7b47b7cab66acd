"""Estimates how many real images the samples of a diffusion model are worth.

A VAE trained on samples of a diffusion model of N real images has a loss L_s(N); trained on x real
images it has the loss L(x). The samples are worth the x at which L(x) = L_s(N). For replicate r,
d_r(x) = L_r(x) - L_s,r(N), linear in log x between measured sizes, falls through 0 there. The 95 %
interval contains every x at which the t interval of the mean of d_r contains 0 (Fieller's method):
it is exact for normal noise of independent replicates, and open if it extends beyond the measured
sizes. Random splits of the same images overlap, and more so the larger they are: the t interval has
the larger correction of the two sizes x and N (`analysis.statistics.levels`), between measured
sizes linear in log x.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import ResultsError
from analysis.laws import frames
from analysis.laws.jackknife import inflation
from analysis.laws.law import Curve
from analysis.statistics.intervals import FEW_SEEDS, residual_bootstrap, t_half_width

STEPS = 2000  # values of x between the smallest and the largest size
NEEDS = (
    "To estimate how many real images a sample is worth, results need VAEs on real images and on "
    "samples, at several sizes of D_train. Run scaling-vae study data_scaling."
)


@dataclass(frozen=True)
class Worth:
    """Holds what samples of a diffusion model of `size` real images are worth, in real images."""

    name: str  # the width, as in: n_c=32
    size: int  # |D_train|, which the diffusion model saw
    samples: int  # distinct samples that the VAE reads: k |D_train|
    replicates: int
    images: float  # real images with the same loss; NaN if there is no estimate
    low: float  # 95 %; 0 if the interval is open below
    high: float  # 95 %; infinite if it is open above
    refusal: str = ""  # why there is no estimate

    @property
    def times(self) -> float:
        """Returns the ratio of `images` to the real images that the diffusion model saw."""
        return self.images / self.size

    @property
    def verdict(self) -> str:
        """States whether samples are shown to be worth more or less than the model's images."""
        if self.refusal and math.isnan(self.low):
            return "not decided"
        if self.low > self.size:
            return "more than the real images behind them"
        return "less than the real images behind them" if self.high < self.size else "not decided"


def worths(frame: pd.DataFrame) -> list[Worth]:
    """Returns what samples are worth at each width and each |D_train|.

    Raises ResultsError if there are no VAEs on real images and on samples to compare.
    """
    what = frames.variables(frame, "train_size", "test_elbo")
    if frame.loc[frame["source"] == "normal", "train_size"].nunique() < 2:
        raise ResultsError(NEEDS)
    curves = frames.curves_of(frame, what)
    real = {_width(curve): curve for curve in curves if curve.source == "normal"}
    sampled = [curve for curve in curves if curve.source == "dmaapx" and _width(curve) in real]
    if not sampled or all(len(curve.sizes) < 2 for curve in real.values()):
        raise ResultsError(NEEDS)
    samples = frame[frame["source"] == "dmaapx"].dropna(subset=["source_k"])
    result = []
    for curve in sampled:
        width = _width(curve)
        for index, size in enumerate(curve.sizes):
            k = _chunks(samples, curve, float(size))
            estimate = equivalent(
                real[width], curve.units, curve.y[:, index], curve.overlap_at(index)
            )
            result.append(Worth(_words(curve), int(size), round(k * size), *estimate))
    return result


def _chunks(samples: pd.DataFrame, curve: Curve, size: float) -> float:
    """Returns the k of the curve's trials of this |D_train|; the curve's name has its fields."""
    mask = samples["train_size"] == size
    for word in curve.name.split(", ")[1:]:
        name, _, value = word.partition("=")
        mask &= samples[name] == float(value)
    return float(samples.loc[mask, "source_k"].astype(float).max())


def equivalent(
    real: Curve, units: tuple[int, ...], losses: np.ndarray, overlap: float = 0.0
) -> tuple[int, float, float, float, str]:
    """Returns the replicates, the real images of equal loss, their 95 % interval, and a refusal.

    `real` holds the losses on real images, `losses` (replicates,) those on samples, `units` their
    numbers, and `overlap` is rho / (1 - rho) of the random splits behind the samples. The refusal
    is "" if there is an estimate.
    """
    pairs = [(real.units.index(u), i) for i, u in enumerate(units) if u in real.units]
    y = np.array([real.y[i] for i, _ in pairs]).reshape(-1, len(real.sizes))
    d = np.array([losses[i] for _, i in pairs])
    complete = ~np.isnan(y).any(axis=1) & ~np.isnan(d)
    y, d, n = y[complete], d[complete], int(complete.sum())
    none = (n, math.nan, math.nan, math.nan)
    if n < FEW_SEEDS:
        return *none, f"{n} replicates are finished on both, and it needs {FEW_SEEDS}"
    mean = y.mean(axis=0)
    noise = residual_bootstrap(y) * math.sqrt(inflation(n, real.overlap))
    if (mean - np.minimum.accumulate(mean)).max() > noise:
        return *none, "more real images do not lower the loss throughout"
    x = np.geomspace(real.sizes[0], real.sizes[-1], STEPS)
    excess = np.array([np.interp(np.log(x), np.log(real.sizes), row) for row in y]) - d[:, None]
    of_real = np.interp(np.log(x), np.log(real.sizes), real.overlaps or np.zeros(len(real.sizes)))
    centre, half = excess.mean(axis=0), t_half_width(excess.T, overlap=np.maximum(of_real, overlap))
    zero = float(np.exp(np.interp(0.0, -np.minimum.accumulate(centre), np.log(x))))
    inside = np.append(x[np.abs(centre) <= half], zero)  # at an end where no size is worth as much
    below, above = centre[0] <= half[0], centre[-1] >= -half[-1]
    low = 0.0 if below else float(inside.min())
    high = math.inf if above else float(inside.max())
    if centre[0] < 0:
        return n, math.nan, low, high, f"they are worth less than {real.sizes[0]:,.0f} real images"
    if centre[-1] > 0:
        return n, math.nan, low, high, f"they are worth more than {real.sizes[-1]:,.0f} real images"
    return n, zero, low, high, ""


def worth_lines(estimates: list[Worth]) -> list[str]:
    """Returns a line of plain text per width and |D_train|."""
    lines = ["Real images that the samples of a diffusion model are worth (95 %):"]
    for item in estimates:
        start = f"  {item.name}, {item.samples:,} samples of a model of {item.size:,} real images: "
        if math.isnan(item.images):
            bounds = "" if math.isnan(item.low) else f" {_interval(item)}"
            lines.append(start + f"no estimate, {item.refusal}{bounds}; {item.verdict}.")
            continue
        per_sample = item.images / item.samples if item.samples else math.nan
        lines.append(
            start + f"{item.images:,.0f} real images {_interval(item)}, {item.times:.2g} times as "
            f"many, {per_sample:.2g} per sample; {item.verdict}."
        )
    return lines


def _interval(worth: Worth) -> str:
    low = f"{worth.low:,.0f}" if worth.low else "open"
    high = "open" if math.isinf(worth.high) else f"{worth.high:,.0f}"
    return f"[{low}, {high}]"


def _width(curve: Curve) -> str:
    """Returns a curve's name without its source, and without k, which real images do not have."""
    parts = curve.name.split(", ")[1:]
    return ", ".join(word for word in parts if not word.startswith("source_k="))


def _words(curve: Curve) -> str:
    return ", ".join(curve.name.split(", ")[1:]) or "one width"
