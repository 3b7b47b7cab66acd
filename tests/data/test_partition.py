"""The images of each part: disjoint, all used, the same in every process."""

import numpy as np
import pytest

from scaling.data.datasets import Dataset, load, split
from scaling.data.partition import divided, train_images
from scaling.trial.partition import Part
from tests.narrow import not_none


def numbered(train: int, test: int, official: bool) -> Dataset:
    """Makes images that are identified by their first two bytes, which are their label."""
    numbers = np.arange(train + test)
    images = np.zeros((train + test, 1, 4, 4), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers % 256, numbers // 256
    both = images[:train], images[train:], numbers[:train], numbers[train:]
    return Dataset("numbered", *both, 256, official_test=official)


def names(images: np.ndarray | None) -> set[int]:
    assert images is not None
    return set(images[:, 0, 0, 0].astype(int) + 256 * images[:, 0, 0, 1].astype(int))


PUBLISHED, UNDIVIDED = numbered(2000, 400, True), numbered(1500, 300, False)


@pytest.mark.parametrize("draw", [0, 1, 5])
@pytest.mark.parametrize("data", [PUBLISHED, UNDIVIDED])
@pytest.mark.parametrize("partition", ["disjoint", "development"])
def test_parts_share_no_image(data, draw, partition):
    part = divided(data, Part(100, draw, partition))
    train, validation, test = map(names, (part.train, part.validation, part.test))
    assert len(train) == 100
    assert min(len(validation), len(test)) > 10
    assert not (train & validation or train & test or validation & test)


@pytest.mark.parametrize("data", [PUBLISHED, UNDIVIDED])
def test_development_images_are_in_no_other_part(data):
    aside = set()
    for draw in range(4):
        part = divided(data, Part(100, draw, "development"))
        aside |= names(part.train) | names(part.validation) | names(part.test)
    for draw in range(4):
        part = divided(data, Part(100, draw, "disjoint"))
        assert not aside & (names(part.train) | names(part.validation) | names(part.test))


def test_d_trains_of_a_published_set_are_disjoint_and_its_halves_are_fixed():
    parts = [divided(PUBLISHED, Part(100, draw, "disjoint")) for draw in range(17)]
    assert len(set.union(*(names(part.train) for part in parts))) == 1700
    for part in parts[1:]:
        assert names(part.validation) == names(parts[0].validation)
        assert names(part.test) == names(parts[0].test)
    assert names(parts[0].validation) | names(parts[0].test) == set(range(2000, 2400))


def test_random_splits_of_one_set_have_different_images_in_every_part():
    first, second = (divided(UNDIVIDED, Part(100, draw, "disjoint")) for draw in (0, 1))
    assert names(first.train) != names(second.train)
    assert names(first.test) != names(second.test)
    assert first.draws == "random splits"
    assert first.drawn_from == 1620


def test_labels_follow_their_images():
    for data in (PUBLISHED, UNDIVIDED):
        part = divided(data, Part(100, 2, "disjoint"))
        for images, labels in ((part.train, part.train_labels), (part.test, part.test_labels)):
            assert [sorted(names(image[None]))[0] for image in images] == list(labels)


def test_without_validation_the_images_are_those_of_split():
    digits = load("digits")
    new, old = divided(digits, Part(300, 2)), split(digits, 300, 2)
    assert np.array_equal(new.train, old.train)
    assert np.array_equal(new.test, old.test)
    assert new.validation is None
    assert new.fingerprint == old.fingerprint


def test_the_fingerprint_covers_validation():
    part = divided(UNDIVIDED, Part(100, 0, "disjoint"))
    images = not_none(part.validation).copy()
    images[0] += 1
    changed = Dataset(
        "numbered", part.train, part.test, part.train_labels, part.test_labels, 256,
        validation=images,
    )  # fmt: skip
    assert changed.fingerprint != part.fingerprint


@pytest.mark.parametrize("size", [None, 100])
@pytest.mark.parametrize("data", [PUBLISHED, UNDIVIDED])
@pytest.mark.parametrize("partition", ["train_and_test", "disjoint", "development"])
def test_the_size_of_d_train_is_known_before_it_is_selected(data, partition, size):
    part = Part(size, 0, partition)
    assert train_images(data, part) == len(divided(data, part).train)
