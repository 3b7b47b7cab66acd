"""Loads data sets as levels with `load(name)`, and splits off D_train with `split` (App. B.1).

Images are uint8 levels (N, C, H, W). Digits come with scikit-learn; the others are read from the
data root (torchvision's layout or npz archives), downloaded to it, or read from a user's npz.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scaling.data import digits, entries, npz, official
from scaling.data.npz import ImageSet, TrainAndTest
from scaling.data.unusual import warn_of_copies, warn_of_dark_images
from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.catalog import DATASETS, padded, undivided
from scaling.trial.partition import Draws

OWN = ".npz"  # the end of the path of a user's file
TEST_IMAGES = 10_000
SIZES = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3)}
THRESHOLD = 128  # the lowest grey value that is white in BinaryMNIST


@dataclass(frozen=True)
class Dataset:
    """Holds levels (N, C, H, W) uint8 and labels (N,), or labels (0,) if a user's file has none.

    `official_test` is True if the test set is a published one.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    levels: int
    official_test: bool = True
    data: str = "own file"  # origin of the images: scikit-learn, official, jpeg or own file
    root: Path | None = None  # folder of the data, which may also contain CIFAR-10-C
    validation: np.ndarray | None = None  # levels; None if the partition has no validation set
    draws: Draws | None = None  # relation of the D_train of several draws, once one is drawn
    drawn_from: int = 0  # number of images from which D_train is drawn

    @property
    def channels(self) -> int:
        """Returns the number of channels: 1 for grey images, 3 for RGB."""
        return self.train.shape[1]

    @property
    def side(self) -> int:
        """Returns the side of the images in pixels, with padding."""
        return self.train.shape[2]

    @cached_property
    def described(self) -> dict[str, int | str]:
        """Returns the columns of rows that identify the images and how they were drawn."""
        columns: dict[str, int | str] = {"data": self.data, "fingerprint": self.fingerprint}
        columns |= {"train_images": len(self.train), "test_images": len(self.test)}
        if self.validation is not None:
            columns["validation_images"] = len(self.validation)
        if self.draws:
            columns |= {"draws": self.draws, "drawn_from": self.drawn_from}
        return columns

    @cached_property
    def fingerprint(self) -> str:
        """Returns 12 hex digits of the SHA-256 over shapes and bytes of all images."""
        digest = hashlib.sha256()
        parts = [self.train, self.test]
        for images in parts if self.validation is None else [*parts, self.validation]:
            digest.update(repr(images.shape).encode())
            digest.update(np.ascontiguousarray(images).tobytes())
        return digest.hexdigest()[:12]


def load(
    name: str, root: Path | None = None, offline: bool = False, binarise: str = "threshold"
) -> Dataset:
    """Loads the data set of that name, or a user's images at a `path.npz`.

    Missing standard data sets are downloaded to `root` (default: $SCALING_DATA, or data/), unless
    `offline`. Raises UsageError for images that are missing, damaged or unlike the catalog's entry.
    """
    if name.endswith(OWN):
        return _own(name)
    if name not in LOADERS:
        raise UsageError(
            f"Unknown data set {name!r}. {did_you_mean(name, LOADERS)}Known: {listed(LOADERS)}, "
            "or a path/to/file.npz."
        )
    root = official.data_root(root)
    dataset = LOADERS[name](name, root, offline)
    prepared = binarised(dataset, binarise) if name == "mnist" else dataset
    return entries.checked(name, prepared, DATASETS[name])


def loader(root: Path | None, offline: bool) -> Callable[[str, str], Dataset]:
    """Returns `load` from this root, as a function of a data set's name and `binarise`."""
    return lambda name, binarise: load(name, root, offline, binarise)


def binarised(dataset: Dataset, how: str) -> Dataset:
    """Returns grey images with 2 levels, by a threshold or drawn with probability grey / 255."""
    if how == "threshold":
        train, test = dataset.train >= THRESHOLD, dataset.test >= THRESHOLD
    else:
        rng = np.random.default_rng(0)  # the pixels are drawn once, for all trials
        train, test = (
            rng.integers(0, 255, images.shape, np.uint8) < images
            for images in (dataset.train, dataset.test)
        )
    return replace(dataset, train=train.astype(np.uint8), test=test.astype(np.uint8), levels=2)


def split(dataset: Dataset, train_size: int | None, seed: int) -> Dataset:
    """Returns the data set with D_train, the start of a permutation drawn from `seed`.

    Without an official test set, all other images are the test set. Raises UsageError if
    `train_size` is too large.
    """
    images, labels = dataset.train, dataset.train_labels
    train_size = len(images) if train_size is None else train_size
    if not dataset.official_test:
        images, labels = whole(dataset)
    largest = len(images) if dataset.official_test else len(images) - 1
    if train_size > largest:
        raise UsageError(
            f"train_size={train_size} is more than {dataset.name} has. "
            f"Give at most --train-size {largest}."
        )
    order = np.random.default_rng(seed).permutation(len(images))
    train, rest = order[:train_size], order[train_size:]
    part = replace(dataset, train=images[train], train_labels=labels_of(labels, train))
    if dataset.official_test:
        return part
    return replace(part, test=images[rest], test_labels=labels_of(labels, rest))


def whole(dataset: Dataset) -> ImageSet:
    """Returns training and test images together, and their labels."""
    images = np.concatenate([dataset.train, dataset.test])
    return images, np.concatenate([dataset.train_labels, dataset.test_labels])


def labels_of(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns the labels of those images, or no labels if there are none."""
    return labels[rows] if len(labels) else labels


def _divided(images: np.ndarray, labels: np.ndarray, train_images: int) -> TrainAndTest:
    """Divides a set that is published as one into training and test images."""
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:train_images], order[train_images:]
    return (images[train], labels_of(labels, train)), (images[test], labels_of(labels, test))


def _dataset(name: str, halves: TrainAndTest, side: int, levels: int, **more: Any) -> Dataset:
    (train, train_labels), (test, test_labels) = halves
    train, test = _arranged(train, side), _arranged(test, side)
    return Dataset(name, train, test, train_labels, test_labels, levels, **more)


def _arranged(images: np.ndarray, side: int) -> np.ndarray:
    """Arranges (N, H, W) or (N, H, W, C) as (N, C, side, side), padded evenly with zeros."""
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1)
    lacking = side - images.shape[2]
    margin = (lacking // 2, lacking - lacking // 2)
    return np.ascontiguousarray(np.pad(images, [(0, 0), (0, 0), margin, margin]))


def _digits(name: str, root: Path, offline: bool) -> Dataset:
    (images, labels), row = digits.read(), DATASETS[name]
    halves = _divided(images, labels, row.train_images)
    more = {"official_test": False, "data": "scikit-learn"}
    return _dataset(name, halves, row.side, row.levels, **more)


def _standard(name: str, root: Path, offline: bool) -> Dataset:
    """Loads grey or RGB levels from the data root, after downloading them if they are missing."""
    found = _find(name, root)
    if found is None and offline:
        raise official.missing_offline(name, root)
    if found is None:
        official.download(name, root)
        found = _find(name, root)
    assert found is not None, f"{name} is missing from {root} after its download"
    halves, data = found
    for half, count in zip(halves, (DATASETS[name].train_images, TEST_IMAGES), strict=True):
        _check(name, root, half, count)
    return _dataset(name, halves, DATASETS[name].side, 256, data=data, root=root.absolute())


def _find(name: str, root: Path) -> tuple[TrainAndTest, str] | None:
    """Returns the images in the root and their origin, or None if there are none."""
    if halves := official.read(root, name) or npz.read_pair(root, name):
        return halves, "official" if official.is_official(name, halves[0][0]) else "own file"
    if halves := npz.read_pair(root, name, "_jpeg"):
        return halves, "jpeg"
    return None


def _check(name: str, root: Path, half: ImageSet, count: int) -> None:
    images, labels = half
    if images.shape != (count, *SIZES[name]) or labels.shape != (count,):
        raise UsageError(
            f"{name} in {root} has images {images.shape} and labels {labels.shape}, but the "
            f"original has {(count, *SIZES[name])} and {(count,)}. Put the original there, or "
            "train on other images with --dataset path/to/file.npz."
        )


def _own(name: str) -> Dataset:
    """Loads a user's images with 256 levels, or with 2 if no pixel is above 1."""
    first, test = npz.read_own(Path(name))
    halves = (first, test) if test else _divided(*first, undivided(len(first[0])))
    if not len(halves[0][0]):
        raise UsageError(f"{name} contains a single image. Give at least two, one for testing.")
    warn_of_copies(name, first[0], test[0] if test else None)
    highest = max(int(images.max()) for images, _ in halves)
    warn_of_dark_images(name, highest)
    levels = 2 if highest <= 1 else 256
    return _dataset(name, halves, padded(first[0].shape[1]), levels, official_test=test is not None)


LOADERS: dict[str, Callable[[str, Path, bool], Dataset]] = {
    "digits": _digits,
    "mnist": _standard,
    "fashion_mnist": _standard,
    "cifar10": _standard,
}
