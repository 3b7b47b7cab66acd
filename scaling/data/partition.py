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
    found = sizes(part, _entry(dataset), dataset.name)
    if part.partition == "train_and_test":
        made = split(dataset, part.train_size, part.draw)
    else:
        made = (_published if dataset.official_test else _undivided)(dataset, part, found)
    return replace(made, draws=found.draws, drawn_from=found.drawn_from)


def train_images(dataset: Dataset, part: Part) -> int:
    """Returns |D_train| of the part, without selecting its images; raises as `divided` does."""
    return sizes(part, _entry(dataset), dataset.name).train


def _entry(dataset: Dataset) -> DatasetEntry:
    """Returns the numbers of available images, and of validation and development images."""
    known = DATASETS.get(dataset.name)
    images = len(dataset.train) + len(dataset.test)
    return DatasetEntry(
        dataset.channels,
        dataset.side,
        dataset.levels,
        len(dataset.train),
        {},
        official_test=len(dataset.test) if dataset.official_test else None,
        undivided=None if dataset.official_test else images,
        validation=known.validation if known else None,
        development=known.development if known else None,
    )


def _undivided(dataset: Dataset, part: Part, found: Sizes) -> Dataset:
    """Splits a set at random that is published as one."""
    images, labels = whole(dataset)
    order = np.random.default_rng(ORDER).permutation(len(images))
    outside = order[: found.drawn_from]
    if part.partition == "development":
        outside = order[len(order) - found.drawn_from :]
    drawn = np.random.default_rng(part.draw).permutation(outside)
    train, rest = drawn[: found.train], drawn[found.train :]
    return _part(dataset, images, labels, train, rest[: found.validation], rest[found.validation :])


def _published(dataset: Dataset, part: Part, found: Sizes) -> Dataset:
    """Selects a disjoint D_train, or all training images, and halves the official test set."""
    images, labels = dataset.train, dataset.train_labels
    order = np.random.default_rng(ORDER).permutation(len(images))
    if part.partition == "development":
        reserved = order[len(order) - found.drawn_from :]
        drawn = np.random.default_rng(part.draw).permutation(reserved)
        train, rest = drawn[: found.train], drawn[found.train :]
        return _part(dataset, images, labels, train, *np.split(rest, [found.validation]))
    first = part.draw * found.train if found.draws == "disjoint sets" else 0
    train = order[first : first + found.train]
    made = replace(dataset, train=images[train], train_labels=labels_of(labels, train))
    halves = np.random.default_rng(HALVES).permutation(len(dataset.test))
    chosen, tested = np.split(halves, [found.validation])
    return replace(
        made,
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
