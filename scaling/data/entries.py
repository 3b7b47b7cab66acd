"""Compares the images that a loader returns with the entry of their data set in the catalog.

A plan is made from the entry alone, and networks and likelihoods believe the number of levels.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from scaling.errors import UsageError
from scaling.trial.catalog import MULTIPLE, DatasetEntry

Loaded = TypeVar("Loaded")
PARTS = ("train", "test")


def checked(name: str, dataset: Loaded, entry: DatasetEntry) -> Loaded:
    """Returns the data set, which has levels (N, C, H, W) and labels as a Dataset has.

    Raises UsageError, with what the loader must return instead, if it is unlike its entry.
    """
    for wrong in _differences(dataset, entry):
        raise UsageError(
            f"The loader of the data set {name} {wrong}. Correct the loader, or the data set's "
            "entry in scaling.trial.catalog.DATASETS."
        )
    return dataset


def _differences(dataset: Any, entry: DatasetEntry) -> Iterator[str]:
    """Yields what differs, the first of which makes the others meaningless."""
    lacking = [name for name in PARTS if not hasattr(dataset, name)]
    if lacking:
        yield f"returns a {type(dataset).__name__}, and a scaling.data.datasets.Dataset is needed"
        return
    shape = (entry.channels, entry.side, entry.side)
    if entry.side % MULTIPLE:
        yield f"has an entry with side={entry.side}, and a multiple of {MULTIPLE} is needed"
    for part in PARTS:
        images, labels = getattr(dataset, part), getattr(dataset, f"{part}_labels")
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
            kind = getattr(images, "dtype", type(images).__name__)
            yield f"returns {part} images of the type {kind}, and levels as uint8 are needed"
            return
        if images.shape[1:] != shape:
            yield (
                f"returns {part} images of the shape {images.shape}, and its entry says "
                f"(N, {', '.join(map(str, shape))})"
            )
        if len(labels) not in (0, len(images)):
            yield f"returns {len(labels)} labels of {len(images)} {part} images"
    yield from _of_levels(dataset, entry)
    yield from _of_counts(dataset, entry)


def _of_levels(dataset: Any, entry: DatasetEntry) -> Iterator[str]:
    if dataset.levels != entry.levels:
        yield f"returns levels={dataset.levels}, and its entry says {entry.levels}"
    highest = max((int(getattr(dataset, p).max()) for p in PARTS if len(getattr(dataset, p))),
                  default=0)  # fmt: skip
    if highest >= entry.levels:
        yield f"returns the level {highest}, and {entry.levels} levels end at {entry.levels - 1}"


def _of_counts(dataset: Any, entry: DatasetEntry) -> Iterator[str]:
    train, test = len(dataset.train), len(dataset.test)
    if dataset.official_test != (entry.official_test is not None):
        yield (
            f"returns official_test={dataset.official_test}, and its entry says "
            f"official_test={entry.official_test}"
        )
    if entry.official_test is not None and (train, test) != (
        entry.train_images,
        entry.official_test,
    ):
        yield (
            f"returns {train} training and {test} test images, and its entry says "
            f"{entry.train_images} and {entry.official_test}"
        )
    if entry.undivided and train + test != entry.undivided:
        yield f"returns {train + test} images, and its entry says undivided={entry.undivided}"
