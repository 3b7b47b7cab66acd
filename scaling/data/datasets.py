"""Data sets as levels: `load(name)` gives the images, `split` gives D_train and the test set (B.1).

Images are uint8 levels (N, C, H, W). Digits ship with scikit-learn; the others lie under the data
root (torchvision's layout, or npz archives), are downloaded, or are a path to an own npz.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scaling.data import npz, official
from scaling.data.npz import Half, Halves
from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.catalog import DATASETS, padded, undivided
from scaling.trial.partition import Draws

DEFAULT_ROOT = Path("data")
OWN = ".npz"  # how the path of an own file ends
TEST_IMAGES = 10_000
SIZES = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3)}
THRESHOLD = 128  # grey values from here on are white in BinaryMNIST


@dataclass(frozen=True)
class Dataset:
    """Levels (N, C, H, W) uint8 and labels (N,); `official_test` tells a published test set.

    Labels are of the shape (0,) where an own file has none.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    levels: int
    official_test: bool = True
    data: str = "own file"  # where the images come from: scikit-learn, official, jpeg, own file
    root: Path | None = None  # of the data, where further files may lie: CIFAR-10-C
    validation: np.ndarray | None = None  # levels too; None where the partition has none
    draws: Draws | None = None  # how D_trains of several draws relate, once one is drawn
    drawn_from: int = 0  # images that D_trains are drawn from

    @property
    def channels(self) -> int:
        return self.train.shape[1]

    @property
    def side(self) -> int:
        return self.train.shape[2]

    @cached_property
    def described(self) -> dict[str, int | str]:
        """The columns of rows that say which images these are, and how they were drawn."""
        found: dict[str, int | str] = {"data": self.data, "fingerprint": self.fingerprint}
        found |= {"train_images": len(self.train), "test_images": len(self.test)}
        if self.validation is not None:
            found["validation_images"] = len(self.validation)
        if self.draws:
            found |= {"draws": self.draws, "drawn_from": self.drawn_from}
        return found

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits of the SHA-256 over shape and bytes of all of these images."""
        digest = hashlib.sha256()
        parts = [self.train, self.test]
        for images in parts if self.validation is None else [*parts, self.validation]:
            digest.update(repr(images.shape).encode())
            digest.update(np.ascontiguousarray(images).tobytes())
        return digest.hexdigest()[:12]


def load(
    name: str, root: Path | None = None, offline: bool = False, binarise: str = "threshold"
) -> Dataset:
    """The data set of that name, or the own images at a `path.npz`.

    `root` is where the standard ones lie or are downloaded to (else $SCALING_DATA, else data/);
    `offline` downloads nothing.
    Raises UsageError with what is wrong and what to put where.
    """
    if name.endswith(OWN):
        return _own(name)
    if name not in LOADERS:
        raise UsageError(
            f"Unknown data set {name!r}. {did_you_mean(name, LOADERS)}Known: {listed(LOADERS)}, "
            "or a path/to/file.npz."
        )
    root = Path(root or os.environ.get("SCALING_DATA") or DEFAULT_ROOT)
    dataset = LOADERS[name](name, root, offline)
    return binarised(dataset, binarise) if name == "mnist" else dataset


def loader(root: Path | None, offline: bool) -> Callable[[str, str], Dataset]:
    """`load` from this root, for a data set's name and how BinaryMNIST is made of MNIST."""
    return lambda name, binarise: load(name, root, offline, binarise)


def binarised(dataset: Dataset, how: str, seed: int = 0) -> Dataset:
    """Grey images in levels 0 and 1: from 128 on, or drawn once with probability grey / 255."""
    if how == "threshold":
        train, test = dataset.train >= THRESHOLD, dataset.test >= THRESHOLD
    else:
        rng = np.random.default_rng(seed)
        train, test = (
            rng.integers(0, 255, images.shape, np.uint8) < images
            for images in (dataset.train, dataset.test)
        )
    return replace(dataset, train=train.astype(np.uint8), test=test.astype(np.uint8), levels=2)


def split(dataset: Dataset, train_size: int | None, seed: int) -> Dataset:
    """D_train: the first `train_size` images of a permutation drawn from `seed`.

    A data set without an official test set is tested on all other images.
    """
    images, labels = dataset.train, dataset.train_labels
    train_size = len(images) if train_size is None else train_size
    if not dataset.official_test:
        images, labels = whole(dataset)
    largest = len(images) if dataset.official_test else len(images) - 1
    if train_size > largest:
        raise UsageError(
            f"train_size={train_size} is more than {dataset.name} has. "
            f"At most --train-size {largest} works."
        )
    order = np.random.default_rng(seed).permutation(len(images))
    train, rest = order[:train_size], order[train_size:]
    part = replace(dataset, train=images[train], train_labels=labels_of(labels, train))
    if dataset.official_test:
        return part
    return replace(part, test=images[rest], test_labels=labels_of(labels, rest))


def whole(dataset: Dataset) -> Half:
    """Training and test images together, and their labels."""
    images = np.concatenate([dataset.train, dataset.test])
    return images, np.concatenate([dataset.train_labels, dataset.test_labels])


def labels_of(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The labels of those images, or still none."""
    return labels[rows] if len(labels) else labels


def _divided(images: np.ndarray, labels: np.ndarray, train_images: int) -> Halves:
    """Training and test images of a set that is published as one."""
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:train_images], order[train_images:]
    return (images[train], labels_of(labels, train)), (images[test], labels_of(labels, test))


def _dataset(name: str, halves: Halves, side: int, levels: int, **more: Any) -> Dataset:
    (train, train_labels), (test, test_labels) = halves
    train, test = _arranged(train, side), _arranged(test, side)
    return Dataset(name, train, test, train_labels, test_labels, levels, **more)


def _arranged(images: np.ndarray, side: int) -> np.ndarray:
    """(N, C, side, side) from (N, H, W) or (N, H, W, C), zeros evenly around."""
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1)
    lacking = side - images.shape[2]
    margin = (lacking // 2, lacking - lacking // 2)
    return np.ascontiguousarray(np.pad(images, [(0, 0), (0, 0), margin, margin]))


def _digits(name: str, root: Path, offline: bool) -> Dataset:
    from sklearn.datasets import load_digits

    digits, row = load_digits(), DATASETS[name]
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    halves = _divided(images, labels, row.train_images)
    more = {"official_test": False, "data": "scikit-learn"}
    return _dataset(name, halves, row.side, row.levels, **more)


def _standard(name: str, root: Path, offline: bool) -> Dataset:
    """Grey or RGB levels from under the data root, downloaded where they are not there."""
    found = _find(name, root)
    if found is None and offline:
        raise UsageError(
            f"{name} is not under {root}, and --offline downloads nothing. "
            f"{official.how_to_get(name, root)}."
        )
    if found is None:
        official.download(name, root)
        found = _find(name, root)
    assert found is not None, f"{name} has been downloaded into {root}"
    halves, data = found
    for half, count in zip(halves, (DATASETS[name].train_images, TEST_IMAGES), strict=True):
        _check(name, root, half, count)
    return _dataset(name, halves, DATASETS[name].side, 256, data=data, root=root.absolute())


def _find(name: str, root: Path) -> tuple[Halves, str] | None:
    """The images under the root and where they come from; None where there are none."""
    if halves := official.read(root, name) or npz.read_pair(root, name):
        return halves, "official" if official.is_official(name, halves[0][0]) else "own file"
    if halves := npz.read_pair(root, name, "_jpeg"):
        return halves, "jpeg"
    return None


def _check(name: str, root: Path, half: Half, count: int) -> None:
    images, labels = half
    if images.shape != (count, *SIZES[name]) or labels.shape != (count,):
        raise UsageError(
            f"{name} under {root} has images {images.shape} and labels {labels.shape}, and the "
            f"original has {(count, *SIZES[name])} and {(count,)}. Put the original there, or "
            "train on other images with --dataset path/to/file.npz."
        )


def _own(name: str) -> Dataset:
    """Anyone's images in 256 levels, or in 2 where no pixel is above 1."""
    first, test = npz.read_own(Path(name))
    halves = (first, test) if test else _divided(*first, undivided(len(first[0])))
    if not len(halves[0][0]):
        raise UsageError(f"{name} holds a single image. Give at least two, one to test on.")
    _tell_overlap(name, halves)
    levels = 2 if max(images.max() for images, _ in halves) <= 1 else 256
    return _dataset(name, halves, padded(first[0].shape[1]), levels, official_test=test is not None)


def _tell_overlap(name: str, halves: Halves) -> None:
    """A warning where test images are in the training set: the gap would not tell them apart."""
    train, test = ([image.tobytes() for image in images] for images, _ in halves)
    seen = {hashlib.sha256(image).digest() for image in train}
    count = sum(hashlib.sha256(image).digest() in seen for image in test)
    if count:
        print(
            f"Warning: {count} of the {len(test)} test images of {name} are training images too.",
            file=sys.stderr,
        )


LOADERS: dict[str, Callable[[str, Path, bool], Dataset]] = {
    "digits": _digits,
    "mnist": _standard,
    "fashion_mnist": _standard,
    "cifar10": _standard,
}
