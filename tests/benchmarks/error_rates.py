"""Simulates error rates: coverage at both levels, false positives over the planned sizes.

    python -m tests.benchmarks.error_rates [DRAWS]

prints every rate in percent; `measure()` compares the promised ones with their limits: coverage of
95 % intervals at a fixed n is at least 94 % under normal noise, and false positives of the verdict
on double descent are at most 5 % over all looks. Nothing is promised for skewed and collapsed runs,
and for splits in which test images matter more than `analysis.statistics.levels` assumes.
"""

import sys

import numpy as np

from analysis.double_descent.descent import p_values
from analysis.statistics.intervals import t_half_width
from analysis.statistics.overlap import overlap
from analysis.statistics.planned import ERRORS, HOLDS, SIZES, UNDECIDED
from tests.benchmarks.results import Result

DRAWS = 4000
TRAIN, VALIDATION, TEST, POOL = 300, 300, 1000, 1600  # numbers of digits images
U = np.array([108, 98, 96, 97, 99, 99, 99, 99, 99, 99.0])  # no second descent
L = np.array([108, 98, 96, 96, 96, 96, 96, 96, 96, 96.0])
SPLIT_SD, SEED_SD = 2.0, 0.7  # sd of a move, as measured between and within splits of digits
EQUAL = TRAIN / (TRAIN + TEST)  # the test images' share if all images have effects of one size
BETWEEN = {"none": 0.0, "D_train": TRAIN / (POOL - TRAIN), "harmonic": overlap(TRAIN, TEST, POOL),
           "test": TEST / (POOL - TEST), "Nadeau, Bengio": TEST / TRAIN}  # fmt: skip


def covered(n: int, seeds: int, between: float, draws: int, noise: str = "normal") -> float:
    """Returns the share of 95 % intervals over n draws, means of `seeds`, that contain 0."""
    rng = np.random.default_rng(n)
    inside = _noise(rng, (draws, n, seeds), noise).mean(axis=-1)
    x = between * _noise(rng, (draws, n), noise) + inside
    return float((np.abs(x.mean(axis=1)) <= t_half_width(x)).mean())


def _noise(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Draws noise of mean 0 and standard deviation 1; collapsed: one in 20 is lower by 5."""
    if kind == "exponential":
        return rng.exponential(size=shape) - 1
    x = rng.standard_normal(shape)
    if kind == "collapsed":
        x = x - 5 * (rng.random(shape) < 0.05) + 0.25
    return x


def splits(rng: np.random.Generator, n: int, test_share: float, pools: int) -> np.ndarray:
    """Returns the means of n random splits of each of `pools` pools of images, (pools, n).

    Their variance is 1. Each image of a pool has an effect if it is trained on and an independent
    one if it is tested on; `test_share` of the variance comes from the test images.
    """
    made = []
    for _ in range(pools):
        trained, tested = rng.standard_normal((2, POOL))
        order = np.argsort(rng.random((n, POOL)), axis=1)
        first, last = order[:, :TRAIN], order[:, TRAIN + VALIDATION :]
        of_train = trained[first].mean(axis=1) * np.sqrt(TRAIN)
        of_test = tested[last].mean(axis=1) * np.sqrt(TEST)
        made.append(np.sqrt(1 - test_share) * of_train + np.sqrt(test_share) * of_test)
    return np.array(made)


def covered_splits(n: int, test_share: float, correction: float, draws: int) -> float:
    """Returns the share of 95 % intervals over n splits of a pool that contain the true value 0."""
    x = splits(np.random.default_rng(n), n, test_share, draws)
    return float((np.abs(x.mean(axis=1)) <= t_half_width(x, overlap=correction)).mean())


def declared(truth: np.ndarray, correlation: float, draws: int) -> float:
    """Returns the share of studies whose verdict is "holds" at any planned size.

    Each draw's curve is the sum of the truth, an effect of its data at each point, which draws of
    one pool share according to their correlation, and noise of its seed.
    """
    rng = np.random.default_rng(len(truth))
    shape = (SIZES[-1], len(truth))
    held = 0
    for _ in range(draws):
        pool, own, seeds = rng.standard_normal(shape[1]), *rng.standard_normal((2, *shape))
        data = np.sqrt(correlation) * pool + np.sqrt(1 - correlation) * own
        noise = (SPLIT_SD * data + SEED_SD * seeds) / np.sqrt(2)  # of a difference of two points
        held += _holds(truth + noise, BETWEEN["harmonic"] if correlation else 0.0)
    return held / draws


def correlation(test_share: float) -> float:
    """Returns the correlation of splits of a pool with `test_share` of variance by test images."""
    return (1 - test_share) * TRAIN / POOL + test_share * TEST / POOL


def _holds(y: np.ndarray, correction: float) -> bool:
    """Returns whether the first decision at a planned size is "holds"."""
    for n, error in zip(SIZES, ERRORS, strict=True):
        verdict = p_values(y[:n], correction).verdict(error)
        if verdict != UNDECIDED:
            return verdict == HOLDS
    return False


def measure(draws: int = DRAWS) -> list[Result]:
    """Returns the promised rates and their limits, with ratios of at least 1 if they are kept."""
    found = []
    for n, seeds in ((5, 1), (10, 1), (20, 1), (5, 3)):
        level = "draws" if seeds == 1 else f"draws of {seeds} seeds"
        rate = covered(n, seeds, 1.5, 5 * draws)
        found.append(Result(f"coverage, {n} {level}", rate / 0.94, 1.0, rate, 0.94, "share"))
    rate = covered(5, 1, 0.0, 5 * draws)
    found.append(Result("coverage, 5 seeds of one data set", rate / 0.94, 1, rate, 0.94, "share"))
    kinds = {"data draws": 0.0, "splits of one pool": correlation(EQUAL)}
    for kind, shared in kinds.items():
        for name, truth in {"U": U, "L": L}.items():
            rate = declared(truth, shared, draws)
            words = f"false positives, {name}, {kind}"
            found.append(Result(words, 0.05 / max(rate, 1e-9), 1.0, rate, 0.05, "share"))
    return found


def report(draws: int) -> list[str]:
    """Returns lines with every rate in percent, including those without a promise."""
    lines = ["coverage of 95 % intervals of draws, n = 3, 5, 10, 20:"]
    for kind in ("normal", "exponential", "collapsed"):
        rates = [100 * covered(n, 1, 0.0, draws, kind) for n in (3, *SIZES)]
        lines.append(f"  {kind:<12}" + "".join(f"{rate:7.1f}" for rate in rates))
    lines.append("false positives, two-sided 5 %, 10 splits of one pool, by share of test images:")
    shares = (0.0, 0.1, EQUAL, 0.5, 1.0)
    lines.append("  correction      " + "".join(f"{share:7.2f}" for share in shares))
    for name, correction in BETWEEN.items():
        rates = [100 * (1 - covered_splits(10, share, correction, draws // 4)) for share in shares]
        lines.append(f"  {name:<16}" + "".join(f"{rate:7.1f}" for rate in rates))
    lines.append(
        "verdict 'holds' at n = 5, 10 or 20, though it is untrue: data draws; splits of one"
    )
    lines.append("  pool" + " " * 20 + "".join(f"{share:7.2f}" for share in shares))
    for name, truth in {"flat": np.zeros(10), "U": U, "L": L}.items():
        rates = [100 * declared(truth, correlation(share), draws // 2) for share in shares]
        apart = 100 * declared(truth, 0.0, draws // 2)
        lines.append(f"  {name:<6} {apart:13.1f}    " + "".join(f"{rate:7.1f}" for rate in rates))
    return lines


if __name__ == "__main__":
    print("\n".join(report(int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS)))
