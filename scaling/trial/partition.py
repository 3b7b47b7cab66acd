"""Divides the images of a data set into those for training, validation, test and development.

`train_and_test` has no validation images: D_train is the start of a permutation of the training
images, and the test set is the official one or all other images. In `disjoint`, validation and
test images are disjoint from D_train and from each other, and some images are reserved.
`development` divides the reserved images: widths, rates and epochs are chosen on them, and no
reported result uses them.
"""

from dataclasses import dataclass
from typing import Literal

from scaling.errors import UsageError
from scaling.trial.catalog import DatasetEntry, undivided

Partition = Literal["train_and_test", "disjoint", "development"]
Draws = Literal["random splits", "disjoint sets", "one set"]
SET_ASIDE = 10  # one image in ten is reserved for development
FEWEST_ASIDE = 4  # the least number set aside, of data without an official test set
# Least images of a set without an official test set: one for each of its parts.
LEAST = {"train_and_test": 2, "disjoint": FEWEST_ASIDE + 3, "development": FEWEST_ASIDE}


@dataclass(frozen=True)
class Part:
    """Selects the images on which a trial is trained, validated and tested."""

    train_size: int | None = None  # |D_train|; None: all training images
    draw: int = 0  # number of the draw of D_train
    partition: Partition = "train_and_test"


@dataclass(frozen=True)
class Sizes:
    """Describes the number of images of each sort, and how the D_train of different draws relate.

    `random splits` of the same `drawn_from` images overlap; `disjoint sets` do not; `one set` is
    the same in every draw.
    """

    train: int
    validation: int
    test: int
    drawn_from: int
    draws: Draws


def sizes(part: Part, entry: DatasetEntry, name: str = "the data set") -> Sizes:
    """Returns the sizes of a part of the data set with the properties `entry`.

    Raises UsageError, with the number of images that is needed or the largest train_size that
    works, if there are not enough images.
    """
    _check_enough(part, entry, name)
    if part.partition == "train_and_test":
        return _train_and_test(part, entry, name)
    return _published(part, entry, name) if entry.official_test else _undivided(part, entry, name)


def _train_and_test(part: Part, entry: DatasetEntry, name: str) -> Sizes:
    train = entry.train_images if part.train_size is None else part.train_size
    if entry.official_test is not None:
        _check(train, entry.train_images, name)
        whole = train == entry.train_images
        draws: Draws = "one set" if whole else "random splits"
        return Sizes(train, 0, entry.official_test, entry.train_images, draws)
    _check(train, entry.all_images - 1, name)
    return Sizes(train, 0, entry.all_images - train, entry.all_images, "random splits")


def _undivided(part: Part, entry: DatasetEntry, name: str) -> Sizes:
    """Divides a set without an official test set: random splits of what is not reserved."""
    aside = entry.development or max(FEWEST_ASIDE, entry.all_images // SET_ASIDE)
    if part.partition == "development":
        train = 3 * aside // 5 if part.train_size is None else part.train_size
        _check(train, aside - 2, f"the development part of {name}")
        return Sizes(train, (aside - train) // 2, aside - train - (aside - train) // 2, aside,
                     "random splits")  # fmt: skip
    images = entry.all_images - aside
    train = part.train_size or min(undivided(images), images - 2)
    _check(train, images - 2, name)
    validation = max(1, (images - train) // 4)
    validation = min(validation, entry.validation or validation)
    return Sizes(train, validation, images - train - validation, images, "random splits")


def _published(part: Part, entry: DatasetEntry, name: str) -> Sizes:
    """Divides a set with an official test set, half of which is used for validation."""
    assert entry.official_test is not None
    images, half = entry.train_images, entry.official_test // 2
    most = images // SET_ASIDE
    if part.partition == "development":
        train = most if part.train_size is None else part.train_size
        _check(train, most, f"the development part of {name}")
        return Sizes(train, most // 4, most // 4, aside(entry, train), "random splits")
    if part.train_size in (None, images):
        return Sizes(images, half, entry.official_test - half, images, "one set")
    train = part.train_size or images
    _check(train, images, name)
    count = (images - aside(entry, train)) // train
    if not count:
        raise UsageError(
            f"{name} has no {train} training images besides those reserved for development. "
            f"Leave --train-size out to train on all {images}, or give at most "
            f"--train-size {images - aside(entry, images)}."
        )
    if part.draw >= count:
        draws = f"0-{count - 1}" if count > 1 else "0"
        raise UsageError(
            f"{name} has only {count} disjoint set{'s' * (count > 1)} of {train} images, too few "
            f"for replicate {part.draw}. Give --replicates {draws}, or a smaller --train-size."
        )
    return Sizes(train, half, entry.official_test - half, images, "disjoint sets")


def aside(entry: DatasetEntry, train: int) -> int:
    """Returns how many training images of a published set are reserved for |D_train| = `train`."""
    most = entry.train_images // SET_ASIDE
    return min(train, most) + 2 * (most // 4)


def _check_enough(part: Part, entry: DatasetEntry, name: str) -> None:
    """Raises UsageError if the set has too few images for one image in each part."""
    if entry.official_test is None:
        available, what, needed = entry.all_images, "image", LEAST[part.partition]
    elif part.partition == "development":
        available, what, needed = entry.train_images, "training image", 4 * SET_ASIDE
    else:
        available, what = entry.official_test, "test image"
        needed = 1 if part.partition == "train_and_test" else 2
    if available < needed:
        other = "" if part.partition == "train_and_test" else ", or --set partition=train_and_test"
        raise UsageError(
            f"{name} has {available} {what}{'s' * (available != 1)}, and "
            f"partition={part.partition} needs at least {needed}. Give a larger data set{other}."
        )


def _check(train: int, largest: int, name: str) -> None:
    """Raises UsageError if D_train is to be larger than possible."""
    if train > largest:
        raise UsageError(
            f"train_size={train} is more than {name} has. Give at most --train-size {largest}."
        )
