"""Fits y = E + sum_j A_j x_j^-alpha_j by a robust loss from several starts.

The method is that of Hoffmann et al. (2022, "Training compute-optimal large language models",
section 3.3 and appendix D.3): the Huber loss of log prediction minus log y, minimized by L-BFGS
from the best of a grid of starts. An error that Besiroglu et al. (2024, "Chinchilla scaling: a
replication attempt") found is avoided: losses are summed in units of the Huber threshold, so that
the optimizer's tolerance does not end it early. If a y is not positive, as densities allow, the
residuals are those of y itself.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize

DELTA = 1e-3  # threshold of the Huber loss if the noise is not known (Hoffmann et al., D.3)
EFFICIENT = 1.345  # the threshold in standard deviations: 95 % efficient for normal noise
SMALLEST, LARGEST = 1e-3, 20.0  # range of the exponents
EXPONENTS = (0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5)  # grid of starts
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


def fit(x: np.ndarray, y: np.ndarray, delta: float = DELTA, near: Fit | None = None) -> Fit:
    """Returns the fit of least loss from all starts, or from `near` alone.

    `x` is (n,) or (n, d) and positive, `y` is (n,). `delta` is the threshold of the Huber loss, in
    log y if every y is positive, otherwise in y's unit. Raises ValueError for fewer than 2 d + 1
    points.
    """
    x, y = _columns(x), np.asarray(y, dtype=float)
    if len(y) < 2 * x.shape[1] + 1:
        raise ValueError(f"{len(y)} points are too few for {2 * x.shape[1] + 1} parameters")
    problem = _Problem(x, y, delta)
    starts = [problem.packed(near)] if near else problem.starts()
    return min((problem.solved(start) for start in starts), key=lambda found: found.loss)


def in_logs(y: np.ndarray) -> bool:
    """Returns whether residuals are taken in log y: every y is positive."""
    return bool((np.asarray(y) > 0).all())


def _columns(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype=float)
    return x[:, None] if x.ndim == 1 else x


class _Problem:
    """Computes the objective over (E or log E, log A_j at the centre of x, alpha_j)."""

    def __init__(self, x: np.ndarray, y: np.ndarray, delta: float) -> None:
        self.u = np.log(x)
        self.centre = self.u.mean(axis=0)
        self.u = self.u - self.centre
        self.y, self.delta, self.logs, self.d = y, delta, in_logs(y), x.shape[1]

    def __call__(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the loss over delta squared, and its gradient."""
        a, alpha = p[1 : 1 + self.d], p[1 + self.d :]
        with np.errstate(over="ignore", invalid="ignore"):
            terms = np.exp(a - alpha * self.u)
            floor = np.exp(p[0]) if self.logs else p[0]
            predicted = floor + terms.sum(axis=1)
            residual = np.log(predicted / self.y) if self.logs else predicted - self.y
            inner = np.clip(residual / self.delta, -1, 1)
            loss = inner * (residual / self.delta - inner / 2)
            slope = inner / self.delta / (predicted if self.logs else 1)
            by_floor = (slope * (floor if self.logs else 1)).sum()
            by_a = (slope[:, None] * terms).sum(axis=0)
            by_alpha = -(slope[:, None] * terms * self.u).sum(axis=0)
        return float(loss.sum()), np.concatenate([[by_floor], by_a, by_alpha])

    def starts(self) -> list[np.ndarray]:
        """Returns the best of a grid of exponents, each with the E and A_j of least squares."""
        made = [self._start(np.array(alpha)) for alpha in product(*[EXPONENTS] * self.d)]
        return sorted(made, key=lambda start: self(start)[0])[:STARTS]

    def _start(self, alpha: np.ndarray) -> np.ndarray:
        """Solves least squares in y, with E moved below the smallest y and every A positive."""
        spread = float(np.ptp(self.y)) or 1.0
        design = np.column_stack([np.ones(len(self.y)), np.exp(-alpha * self.u)])
        floor, *scales = np.linalg.lstsq(design, self.y, rcond=None)[0]
        floor = min(floor, self.y.min() - 1e-3 * spread)
        if self.logs:
            floor = np.log(max(floor, 1e-3 * self.y.min()))
        a = np.log(np.maximum(scales, 1e-3 * spread))
        return np.concatenate([[floor], a, alpha])

    def packed(self, found: Fit) -> np.ndarray:
        """Returns the parameters of a fit as a start."""
        alpha = np.array(found.exponents)
        floor = np.log(max(found.floor, 1e-300)) if self.logs else found.floor
        return np.concatenate([[floor], np.log(found.scales) - alpha * self.centre, alpha])

    def solved(self, start: np.ndarray) -> Fit:
        """Returns the local minimum that L-BFGS reaches from a start."""
        bounds = [(None, None)] * (1 + self.d) + [(SMALLEST, LARGEST)] * self.d
        options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-10, "gtol": 1e-6}
        done = minimize(self, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        a, alpha = done.x[1 : 1 + self.d], done.x[1 + self.d :]
        floor = float(np.exp(done.x[0]) if self.logs else done.x[0])
        scales = np.exp(a + alpha * self.centre)
        loss = float(done.fun) if np.isfinite(done.fun) else np.inf
        return Fit(floor, tuple(map(float, scales)), tuple(map(float, alpha)), loss)
