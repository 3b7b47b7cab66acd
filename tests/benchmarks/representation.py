"""Compares classifiers on one shared kernel matrix with scikit-learn's default way, at 5000 x 640.

There are 5,000 images to train on and as many to test on. Features are isotropic, or have the
overlap and the spectrum of latent means of CIFAR-10, for which libsvm needs tens of thousands of
steps per pair of classes.
"""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from scaling.metrics.representation import NEIGHBOURS, TrainAndTest, by_kernel
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

TRAIN, TEST, FEATURES, CLASSES = 5000, 5000, 640, 10
ROUNDS = 3
GOAL = 3.0
# distance of class centres, largest standard deviation and its decay over the features
SHAPES = {"isotropic": (0.12, 1.0, 0.0), "like latent means": (0.05, 8.0, 0.75)}


def measure() -> list[Result]:
    """Measures CPU milliseconds: medians of interleaved rounds."""
    with threadpool_limits(1):
        return [_compare(name, *shape) for name, shape in SHAPES.items()]


def plain(x: TrainAndTest, y: TrainAndTest) -> dict[str, float]:
    """Fits each classifier to the features, and returns its accuracy."""
    models = {
        "svm_linear": SVC(kernel="linear"),
        "svm_rbf": SVC(),
        "knn": KNeighborsClassifier(NEIGHBOURS),
    }
    return {name: model.fit(x[0], y[0]).score(x[1], y[1]) for name, model in models.items()}


def features(distance: float, top: float, decay: float) -> tuple[TrainAndTest, TrainAndTest]:
    """Draws ten overlapping classes whose features have standard deviations top i^-decay."""
    rng = np.random.default_rng(0)
    spread = top * np.arange(1.0, FEATURES + 1) ** -decay
    labels = np.sort(rng.integers(0, CLASSES, TRAIN)), rng.integers(0, CLASSES, TEST)
    centres = distance * rng.normal(size=(CLASSES, FEATURES))
    noise = (rng.normal(size=(len(y), FEATURES)) for y in labels)
    x = tuple((centres[y] + n) * spread for y, n in zip(labels, noise, strict=True))
    return (x[0], x[1]), labels


def _compare(kind: str, distance: float, top: float, decay: float) -> Result:
    x, y = features(distance, top, decay)
    ours, baseline = interleaved(lambda: by_kernel(x, y), lambda: plain(x, y), rounds=ROUNDS)
    name = f"SVMs and neighbours, {TRAIN} x {FEATURES}, {kind}"
    return Result(name, baseline / ours, GOAL, 1000 * ours, 1000 * baseline, "ms")
