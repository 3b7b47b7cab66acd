"""Data sets as levels: `load(name)` gives the images, `split` gives D_train and the test set (B.1).

Images are uint8 levels (N, C, H, W). Digits ship with scikit-learn and need no network.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scaling.checked import UsageError, known
from scaling.shapes import DATASETS

DIGITS_TRAIN = DATASETS["digits"].train_images


@dataclass(frozen=True)
class Dataset:
    """Levels (N, C, H, W) uint8 and labels (N,); `official_test` tells a published test set."""

    name: str
    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    levels: int
    official_test: bool = True

    @property
    def channels(self) -> int:
        return self.train.shape[1]

    @property
    def side(self) -> int:
        return self.train.shape[2]


def _digits(root: Path | None) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)[:, None]
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:DIGITS_TRAIN], order[DIGITS_TRAIN:]
    labels = digits.target.astype(np.uint8)
    return Dataset("digits", images[train], images[test], labels[train], labels[test], 17, False)


LOADERS: dict[str, Callable[[Path | None], Dataset]] = {"digits": _digits}


def load(name: str, root: Path | None = None) -> Dataset:
    """The data set of that name; raises UsageError with the names that can be loaded."""
    if name not in LOADERS:
        raise UsageError(
            f"The data set {name!r} cannot be read yet, only planned (--dry-run). "
            f"Can be read: {known(LOADERS)}."
        )
    return LOADERS[name](root)


def split(dataset: Dataset, train_size: int | None, seed: int) -> Dataset:
    """D_train: the first `train_size` images of a permutation drawn from `seed`.

    A data set without an official test set is tested on all other images.
    """
    images, labels = dataset.train, dataset.train_labels
    train_size = len(images) if train_size is None else train_size
    if not dataset.official_test:
        images = np.concatenate([images, dataset.test])
        labels = np.concatenate([labels, dataset.test_labels])
    largest = len(images) if dataset.official_test else len(images) - 1
    if train_size > largest:
        raise UsageError(
            f"train_size={train_size} is more than {dataset.name} has. "
            f"At most --train-size {largest} works."
        )
    order = np.random.default_rng(seed).permutation(len(images))
    train, rest = order[:train_size], order[train_size:]
    part = replace(dataset, train=images[train], train_labels=labels[train])
    if dataset.official_test:
        return part
    return replace(part, test=images[rest], test_labels=labels[rest])
