"""Divides the images of a data set into D_train, validation and test images of a trial's part.

`scaling.trial.partition.sizes` computes the numbers of images; this module selects the images.
Those reserved for development are the same in every draw, and no other part contains any of them.
"""

from dataclasses import replace

import numpy as np

from scaling.data.datasets import Dataset, labels_of, split, whole
from scaling.trial.catalog import DATASETS, DatasetEntry
from scaling.trial.partition import Part, Sizes, sizes

ORDER, HALVES = 0, 1  # seeds of the fixed permutations of training and of test images


def divided(dataset: Dataset, part: Part) -> Dataset:
    """Returns D_train, validation and test images of the part, with their labels.

    `validation` is None if the partition has none. Raises UsageError if there are not enough
    images.
    """
    size = sizes(part, _entry(dataset), dataset.name)
    if part.partition == "train_and_test":
        selected = split(dataset, part.train_size, part.draw)
    else:
        selected = (_published if dataset.official_test else _undivided)(dataset, part, size)
    return replace(selected, draws=size.draws, drawn_from=size.drawn_from)


def train_images(dataset: Dataset, part: Part) -> int:
    """Returns |D_train| of the part, without selecting its images; raises as `divided` does."""
    return sizes(part, _entry(dataset), dataset.name).train


def _entry(dataset: Dataset) -> DatasetEntry:
    """Returns the numbers of available images, and of validation and development images."""
    entry = DATASETS.get(dataset.name)
    images = len(dataset.train) + len(dataset.test)
    return DatasetEntry(
        dataset.channels,
        dataset.side,
        dataset.levels,
        len(dataset.train),
        {},
        official_test=len(dataset.test) if dataset.official_test else None,
        undivided=None if dataset.official_test else images,
        validation=entry.validation if entry else None,
        development=entry.development if entry else None,
    )


def _undivided(dataset: Dataset, part: Part, size: Sizes) -> Dataset:
    """Splits a set at random that is published as one."""
    images, labels = whole(dataset)
    order = np.random.default_rng(ORDER).permutation(len(images))
    outside = order[: size.drawn_from]
    if part.partition == "development":
        outside = order[len(order) - size.drawn_from :]
    drawn = np.random.default_rng(part.draw).permutation(outside)
    train, rest = drawn[: size.train], drawn[size.train :]
    return _part(dataset, images, labels, train, rest[: size.validation], rest[size.validation :])


def _published(dataset: Dataset, part: Part, size: Sizes) -> Dataset:
    """Selects a disjoint D_train, or all training images, and halves the official test set."""
    images, labels = dataset.train, dataset.train_labels
    order = np.random.default_rng(ORDER).permutation(len(images))
    if part.partition == "development":
        reserved = order[len(order) - size.drawn_from :]
        drawn = np.random.default_rng(part.draw).permutation(reserved)
        train, rest = drawn[: size.train], drawn[size.train :]
        return _part(dataset, images, labels, train, *np.split(rest, [size.validation]))
    first = part.draw * size.train if size.draws == "disjoint sets" else 0
    train = order[first : first + size.train]
    selected = replace(dataset, train=images[train], train_labels=labels_of(labels, train))
    halves = np.random.default_rng(HALVES).permutation(len(dataset.test))
    chosen, tested = np.split(halves, [size.validation])
    return replace(
        selected,
        validation=dataset.test[chosen],
        test=dataset.test[tested],
        test_labels=labels_of(dataset.test_labels, tested),
    )


def _part(
    dataset: Dataset,
    images: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
) -> Dataset:
    return replace(
        dataset,
        train=images[train],
        train_labels=labels_of(labels, train),
        validation=images[validation],
        test=images[test],
        test_labels=labels_of(labels, test),
    )
