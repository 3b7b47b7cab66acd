"""Simulates laws: how many have intervals that contain the truth, are open, or are refused.

    python -m tests.benchmarks.law_rates [DRAWS]

prints, for truths E + A x^-alpha with noise like that of published curves, the share of curves that
have a law, that of laws whose E is open, and the coverage of the 95 % intervals of alpha, of E and
of the band at the sizes; then the coverage of what samples are worth. `measure()` compares the
promised rates with their limits: coverage is at least 90 %, and of determined laws at least 90 %
are not refused.
"""

import sys
from dataclasses import dataclass

import numpy as np

from analysis.laws.law import Curve, Law, law
from analysis.laws.worth import equivalent
from analysis.statistics.overlap import overlap
from tests.benchmarks.results import Result

DRAWS = 200
WIDTHS = np.array([617.0, 2177.0, 8177.0, 31697.0, 124817.0])  # parameters of digits VAEs, m_z = 1
POWERS = 2.0 ** np.arange(1, 9)
IMAGES = np.array([75.0, 150.0, 300.0, 600.0])
TEST, POOL = 1000, 1800  # numbers of digits images
LIMIT = 0.9


@dataclass(frozen=True)
class Truth:
    """Holds a law, its sizes, and the noise of replicates, relative to y or in its unit."""

    floor: float
    scale: float
    alpha: float
    sizes: np.ndarray
    own: float  # sd of the noise within a replicate
    offset: float = 0.0  # sd of the offset that all sizes of a replicate share
    relative: bool = False
    rho: float = 0.0  # correlation of replicates, as of random splits that overlap
    determined: bool = True  # by 5 replicates; otherwise some or most curves are refused

    def mean(self) -> np.ndarray:
        """Returns the law at the sizes."""
        return self.floor + self.scale * self.sizes**-self.alpha

    def curve(self, rng: np.random.Generator, n: int) -> Curve:
        """Draws n replicates."""
        points = len(self.sizes)
        noise = self.own * correlated(rng, n, points, self.rho)
        noise = noise + self.offset * correlated(rng, n, 1, self.rho)
        y = self.mean() * np.exp(noise) if self.relative else self.mean() + noise
        overlaps = (self.rho / (1 - self.rho),) * points
        return Curve("drawn", "normal", self.sizes, y, tuple(range(n)), (), overlaps)


def published(alpha: float, rho: float = 0.0) -> Truth:
    """Returns a law that falls from 108 to about 96 nats, with noise as on digits."""
    scale = 13 * WIDTHS[0] ** alpha
    return Truth(95, scale, alpha, WIDTHS, 0.012, 0.008, True, rho)


def offsets(sd: float) -> Truth:
    """Returns a law whose replicates differ by an offset, beside a noise of 0.1 within."""
    return Truth(90, 40, 0.7, 2.0 ** np.arange(1, 8), 0.1, sd)


TRUTHS = {
    **{f"offset sd {sd}, noise 0.1": offsets(sd) for sd in (0.0, 0.3, 0.5, 1.0)},
    **{f"like digits, alpha {alpha}": published(alpha) for alpha in (0.3, 0.5, 0.7)},
    "splits with rho 0.29": published(0.5, 0.29),
    "E 90, alpha 0.05": Truth(90, 20, 0.05, POWERS, 0.2, 0.2),
    "E 50, alpha 0.06": Truth(50, 60, 0.06, POWERS, 0.2, 0.2),
    "E 0, alpha 0.3": Truth(0, 60, 0.3, POWERS, 0.01, 0.01, True),
    "E 0, alpha 0.05": Truth(0, 60, 0.05, POWERS, 0.01, 0.01, True),
    "alpha 1.5, noise 1": Truth(97, 12 * 900**1.5, 1.5, 1.45 * WIDTHS, 1.0, determined=False),
    "alpha 3, noise 1": Truth(97, 12 * 900**3.0, 3.0, 1.45 * WIDTHS, 1.0, determined=False),
}


@dataclass(frozen=True)
class Rates:
    """Holds shares: of curves with a law, of laws with an open E, of intervals with the truth."""

    laws: float
    opened: float
    alpha: float
    floor: float
    band: float


def correlated(rng: np.random.Generator, n: int, points: int, rho: float) -> np.ndarray:
    """Draws noise of variance 1 (n, points) whose rows have the correlation rho."""
    shared, own = rng.standard_normal(points), rng.standard_normal((n, points))
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * own


def rates(truth: Truth, n: int, draws: int, seed: int = 0) -> Rates:
    """Returns the rates of curves of n replicates; NaN if no curve has a law."""
    rng = np.random.default_rng(seed)
    found = [law(truth.curve(rng, n)) for _ in range(draws)]
    laws = [one for one in found if isinstance(one, Law)]
    if not laws:
        return Rates(0.0, *[float("nan")] * 4)
    alpha = [one.exponent.low <= truth.alpha <= one.exponent.high for one in laws]
    floor = [one.floor.low <= truth.floor <= one.floor.high for one in laws]
    band = []
    for one in laws:
        low, high = one.band(truth.sizes)
        band.append((low <= truth.mean()) & (truth.mean() <= high))
    opened = [one.open_floor for one in laws]
    shares = (np.mean(each) for each in (opened, alpha, floor, band))
    return Rates(len(laws) / draws, *map(float, shares))


def worth_covered(n: int, corrected: bool, draws: int, worth: float = 300.0) -> float:
    """Returns the share of intervals of what samples of 600 images are worth with the truth.

    The splits of a size have the correlation of `analysis.statistics.levels`. If not `corrected`,
    the overlap is not passed on.
    """
    rng = np.random.default_rng(n)
    overlaps = np.array([overlap(size, TEST, POOL) for size in IMAGES])
    of_real = tuple(overlaps) if corrected else ()
    hits = []
    for _ in range(draws):
        y = np.column_stack([correlated(rng, n, 1, at / (1 + at)) for at in overlaps])
        real = Curve("normal", "normal", IMAGES, _loss(IMAGES) + 0.2 * y, tuple(range(n)), (),
                     of_real)  # fmt: skip
        last = overlaps[-1]
        losses = np.interp(np.log(worth), np.log(IMAGES), _loss(IMAGES))
        losses = losses + correlated(rng, n, 1, last / (1 + last))[:, 0]
        _, _, low, high, _ = equivalent(real, real.units, losses, last if corrected else 0.0)
        hits.append(bool(low <= worth <= high))
    return float(np.mean(hits))


def _loss(x: np.ndarray) -> np.ndarray:
    return 90 + 100 * np.asarray(x) ** -0.3


def measure(draws: int = DRAWS) -> list[Result]:
    """Returns the promised rates of five replicates and their limits."""
    found = []
    for name, truth in TRUTHS.items():
        if not truth.determined:
            continue
        got = rates(truth, 5, draws)
        shares = {"laws": got.laws, "coverage, alpha": got.alpha, "coverage, E": got.floor}
        for what, share in shares.items():
            words = f"{what}, {name}"
            found.append(Result(words, share / LIMIT, 1.0, share, LIMIT, "share"))
    share = worth_covered(5, True, 5 * draws)
    found.append(Result("coverage, worth of samples", share / LIMIT, 1.0, share, LIMIT, "share"))
    return found


def report(draws: int) -> list[str]:
    """Returns lines with every rate in percent."""
    lines = ["      law  open alpha     E  band   %, by n and truth"]
    for name, truth in TRUTHS.items():
        for n in (3, 5, 10):
            got = rates(truth, n, draws if n < 10 else draws // 2)
            shares = (got.laws, got.opened, got.alpha, got.floor, got.band)
            lines.append(f"{n:3}" + "".join(f"{100 * s:6.0f}" for s in shares) + f"   {name}")
    lines.append("coverage of what samples are worth, splits of 600 images, by n = 3, 5, 10:")
    for corrected, words in ((True, "with their overlap"), (False, "without it")):
        covered = [worth_covered(n, corrected, 5 * draws) for n in (3, 5, 10)]
        lines.append(f"  {words:<20}" + "".join(f"{100 * share:6.0f}" for share in covered))
    return lines


if __name__ == "__main__":
    print("\n".join(report(int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS)))
