"""Fits y = E + sum_j A_j x_j^-alpha_j by a robust loss from several starts.

The method is that of Hoffmann et al. (2022, "Training compute-optimal large language models",
section 3.3 and appendix D.3): the Huber loss of log prediction minus log y, minimized from the best
of a grid of starts, here by a truncated Newton method. An error that Besiroglu et al. (2024,
"Chinchilla scaling: a replication attempt") found is avoided: losses are summed in units of the
Huber threshold, so that the optimizer's tolerance does not end it early. If a y is not positive, as
densities allow, the residuals are those of y itself.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

DELTA = 1e-3  # threshold of the Huber loss if the noise is not known (Hoffmann et al., D.3)
EFFICIENT = 1.345  # the threshold in standard deviations: 95 % efficient for normal noise
SMALLEST, LARGEST = 1e-3, 20.0  # range of the exponents
EXPONENTS = (0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5)  # grid of starts
LEAST = 1e-9  # the least E that is tried, over the least y if every y is positive; it counts as 0
STARTS = 4  # number of starts, the best, from which the loss is minimized


@dataclass(frozen=True)
class Fit:
    """Holds E (floor), A_j (scales), alpha_j of y = E + sum_j A_j x_j^-alpha_j, E in y's unit."""

    floor: float
    scales: tuple[float, ...]
    exponents: tuple[float, ...]
    loss: float  # summed Huber loss over its threshold squared

    @property
    def exponent(self) -> float:
        """Returns the first alpha."""
        return self.exponents[0]

    @property
    def scale(self) -> float:
        """Returns the first A."""
        return self.scales[0]

    @property
    def at_limit(self) -> bool:
        """Returns whether an exponent ran to a limit of its range: the data do not determine it."""
        return any(not 1.01 * SMALLEST < alpha < 0.99 * LARGEST for alpha in self.exponents)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Returns y at x of shape (n,), or (n, d) for d variables."""
        u = np.log(_columns(x))
        terms = np.log(self.scales) - np.array(self.exponents) * u
        return np.asarray(self.floor + np.exp(terms).sum(axis=1))


def fit(
    x: np.ndarray,
    y: np.ndarray,
    delta: float = DELTA,
    near: Fit | None = None,
    floor: float | None = None,
    exponent: float | None = None,
) -> Fit:
    """Returns the fit of least loss from all starts and from `near`.

    `x` is (n,) or (n, d) and positive, `y` is (n,). `delta` is the threshold of the Huber loss, in
    log y if every y is positive, otherwise in y's unit. If every y is positive, E is not negative.
    `floor` and `exponent` hold E and every alpha at a value; the others are fitted. Raises
    ValueError for fewer than 2 d + 1 points.
    """
    x, y = _columns(x), np.asarray(y, dtype=float)
    if len(y) < 2 * x.shape[1] + 1:
        raise ValueError(f"{len(y)} points are too few for {2 * x.shape[1] + 1} parameters")
    problem = _Problem(x, y, delta, floor, exponent)
    starts = problem.starts() + ([problem.packed(near)] if near else [])
    return min((problem.solved(start) for start in starts), key=lambda solution: solution.loss)


def in_logs(y: np.ndarray) -> bool:
    """Returns whether residuals are taken in log y: every y is positive."""
    return bool((np.asarray(y) > 0).all())


def _columns(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype=float)
    return x[:, None] if x.ndim == 1 else x


class _Problem:
    """Computes the objective over E in units of `unit`, log A_j at the least x, and alpha_j.

    At the least x a term is about as large as the fall of y, whatever its alpha.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        delta: float,
        floor: float | None = None,
        exponent: float | None = None,
    ) -> None:
        self.u = np.log(x)
        self.smallest = self.u.min(axis=0)
        self.u = self.u - self.smallest
        self.y, self.delta, self.logs, self.d = y, delta, in_logs(y), x.shape[1]
        self.unit = float(y.min()) if self.logs else 1.0
        self.least = LEAST if self.logs else -np.inf
        ends = (self.least, np.inf) if floor is None else (max(floor / self.unit, self.least),) * 2
        range_ = (SMALLEST, LARGEST) if exponent is None else (exponent, exponent)
        self.bounds = [ends] + [(None, None)] * self.d + [range_] * self.d
        self.floor = floor
        self.grid = EXPONENTS if exponent is None else (exponent,)

    def __call__(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the loss over delta squared, and its gradient."""
        a, alpha = p[1 : 1 + self.d], p[1 + self.d :]
        with np.errstate(over="ignore", invalid="ignore"):
            terms = np.exp(a - alpha * self.u)
            predicted = p[0] * self.unit + terms.sum(axis=1)
            residual = np.log(predicted / self.y) if self.logs else predicted - self.y
            inner = np.clip(residual / self.delta, -1, 1)
            loss = inner * (residual / self.delta - inner / 2)
            slope = inner / self.delta / (predicted if self.logs else 1)
            by_floor = slope.sum() * self.unit
            by_a = (slope[:, None] * terms).sum(axis=0)
            by_alpha = -(slope[:, None] * terms * self.u).sum(axis=0)
        return float(loss.sum()), np.concatenate([[by_floor], by_a, by_alpha])

    def starts(self) -> list[np.ndarray]:
        """Returns the best of a grid of exponents, each with the E and A_j of least squares."""
        starts = [self._start(np.array(alpha)) for alpha in product(*[self.grid] * self.d)]
        return sorted(starts, key=lambda start: self(start)[0])[:STARTS]

    def _start(self, alpha: np.ndarray) -> np.ndarray:
        """Solves least squares in y, with E moved below the smallest y and every A positive."""
        spread = float(np.ptp(self.y)) or 1.0
        terms = np.exp(-alpha * self.u)
        if self.floor is None:
            design = np.column_stack([np.ones(len(self.y)), terms])
            floor, *scales = np.linalg.lstsq(design, self.y, rcond=None)[0]
            floor = min(floor, self.y.min() - 1e-3 * spread)
            floor = max(floor, 1e-3 * self.y.min()) if self.logs else floor
        else:
            floor = self.floor
            scales = np.linalg.lstsq(terms, self.y - floor, rcond=None)[0]
        a = np.log(np.maximum(scales, 1e-3 * spread))
        return np.concatenate([[floor / self.unit], a, alpha])

    def packed(self, near: Fit) -> np.ndarray:
        """Returns the parameters of a fit as a start."""
        alpha = np.array(near.exponents)
        scales = np.log(near.scales) - alpha * self.smallest
        return np.concatenate([[near.floor / self.unit], scales, alpha])

    def solved(self, start: np.ndarray) -> Fit:
        """Returns the local minimum that a truncated Newton method (TNC) reaches from a start.

        L-BFGS-B calls BLAS, whose threads wait for each other at problems as small as this.
        """
        options = {"maxfun": 5000, "ftol": 1e-10, "gtol": 1e-6, "xtol": 1e-9}
        done = minimize(self, start, jac=True, method="TNC", bounds=self.bounds, options=options)
        a, alpha = done.x[1 : 1 + self.d], done.x[1 + self.d :]
        scales = np.exp(a + alpha * self.smallest)
        loss = float(done.fun) if np.isfinite(done.fun) else np.inf
        floor = float(done.x[0]) * self.unit if done.x[0] > self.least else 0.0
        return Fit(floor, tuple(map(float, scales)), tuple(map(float, alpha)), loss)
