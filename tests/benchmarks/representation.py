"""Classifiers on one shared kernel matrix against scikit-learn's plain way, at 5000 x 640.

Isotropic features, and correlated ones, on which the iterations of the linear SVM, the same in
both ways, take most of the time.
"""

import time
from collections.abc import Callable

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from scaling.metrics.representation import NEIGHBOURS, Halves, by_kernel
from tests.benchmarks.results import Result

IMAGES, TRAIN, FEATURES, CLASSES = 5000, 4000, 640, 10
ROUNDS = 3
GOAL = 3.0


def measure() -> list[Result]:
    """The least of the times of each way, run in turn."""
    return [_compare("isotropic", 0.0), _compare("correlated", 0.5)]


def plain(x: Halves, y: Halves) -> dict[str, float]:
    """Each classifier from the features."""
    models = {
        "svm_linear": SVC(kernel="linear"),
        "svm_rbf": SVC(),
        "knn": KNeighborsClassifier(NEIGHBOURS),
    }
    return {name: model.fit(x[0], y[0]).score(x[1], y[1]) for name, model in models.items()}


def features(decay: float) -> tuple[Halves, Halves]:
    """Ten overlapping classes; the standard deviations of the features fall as i^-decay."""
    rng = np.random.default_rng(0)
    spread = np.arange(1, FEATURES + 1) ** -decay
    labels = np.sort(rng.integers(0, CLASSES, TRAIN)), rng.integers(0, CLASSES, IMAGES - TRAIN)
    centres = 0.12 * rng.normal(size=(CLASSES, FEATURES))
    noise = (rng.normal(size=(len(y), FEATURES)) for y in labels)
    x = tuple((centres[y] + n) * spread for y, n in zip(labels, noise, strict=True))
    return (x[0], x[1]), labels


def _compare(kind: str, decay: float) -> Result:
    x, y = features(decay)
    times = np.array([[_seconds(way, x, y) for way in (by_kernel, plain)] for _ in range(ROUNDS)])
    ours, baseline = times.min(0)
    name = f"SVMs and neighbours, {kind} 5000 x 640"
    return Result(name, baseline / ours, GOAL, ours, baseline, "s")


def _seconds(way: Callable[[Halves, Halves], dict[str, float]], x: Halves, y: Halves) -> float:
    start = time.perf_counter()
    way(x, y)
    return time.perf_counter() - start
