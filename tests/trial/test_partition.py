"""Numbers of images in each part of a data set, and the numbers that are refused."""

import pytest

from scaling.errors import UsageError
from scaling.trial.catalog import DATASETS, DatasetEntry, undivided
from scaling.trial.partition import Part, sizes

DIGITS, MNIST = DATASETS["digits"], DATASETS["mnist"]


def test_the_disjoint_parts_of_digits_have_these_sizes():
    found = sizes(Part(300, 0, "disjoint"), DIGITS)
    assert (found.train, found.validation, found.test) == (300, 300, 1000)
    assert (found.drawn_from, found.draws) == (1600, "random splits")


@pytest.mark.parametrize("size", [1, 60, 300, 1598, None])
def test_every_image_outside_development_is_in_one_part(size):
    found = sizes(Part(size, 3, "disjoint"), DIGITS)
    assert found.train + found.validation + found.test == 1600
    assert min(found.train, found.validation, found.test) >= 1


@pytest.mark.parametrize("size", [1, 100, 195, None])
def test_development_images_are_those_set_aside(size):
    found = sizes(Part(size, 3, "development"), DIGITS)
    assert found.train + found.validation + found.test == 197
    assert min(found.train, found.validation, found.test) >= 1


def test_all_images_of_a_published_set_are_one_training_set():
    for size in (None, 60_000):
        found = sizes(Part(size, 7, "disjoint"), MNIST)
        assert (found.train, found.validation, found.test) == (60_000, 5_000, 5_000)
        assert found.draws == "one set"


def test_fewer_images_of_a_published_set_are_reserved_for_small_training_sets():
    assert sizes(Part(1000, 0, "development"), MNIST).drawn_from == 1000 + 2 * 1500
    assert sizes(Part(6000, 0, "development"), MNIST).drawn_from == 6000 + 2 * 1500
    assert sizes(Part(1000, 55, "disjoint"), MNIST).draws == "disjoint sets"
    with pytest.raises(UsageError, match="56 disjoint sets of 1000"):
        sizes(Part(1000, 56, "disjoint"), MNIST)


def test_a_published_set_has_ten_disjoint_sets_of_5000():
    last = sizes(Part(5000, 9, "disjoint"), MNIST)
    assert last.draws == "disjoint sets"
    with pytest.raises(UsageError, match=r"10 disjoint sets of 5000.*--replicates 0-9"):
        sizes(Part(5000, 10, "disjoint"), MNIST, "mnist")
    with pytest.raises(UsageError, match=r"only 1 disjoint set of 30000.*--replicates 0,"):
        sizes(Part(30_000, 1, "disjoint"), MNIST, "mnist")


@pytest.mark.parametrize(
    ("part", "row", "words"),
    [
        (Part(1599, 0, "disjoint"), DIGITS, "Give at most --train-size 1598"),
        (Part(1797), DIGITS, "Give at most --train-size 1796"),
        (Part(196, 0, "development"), DIGITS, "Give at most --train-size 195"),
        (Part(60_001, 0, "disjoint"), MNIST, "Give at most --train-size 60000"),
        (Part(59_000, 0, "disjoint"), MNIST, "give at most --train-size 51000"),
        (Part(6001, 0, "development"), MNIST, "Give at most --train-size 6000"),
    ],
)
def test_too_few_images_are_refused_in_a_sentence(part, row, words):
    with pytest.raises(UsageError, match=words):
        sizes(part, row)


def test_the_advised_train_size_works():
    assert sizes(Part(51_000, 0, "disjoint"), MNIST).train == 51_000


def test_an_own_file_without_a_test_set_sets_a_tenth_aside():
    found = sizes(Part(None, 0, "disjoint"), DatasetEntry(1, 8, 256, 80, {}, undivided=100))
    assert (found.train, found.validation, found.test) == (72, 4, 14)


def test_without_validation_images_the_sizes_of_older_versions_hold():
    assert sizes(Part(300), DIGITS).test == 1497
    assert sizes(Part(None), MNIST).test == 10_000
    assert sizes(Part(300), MNIST).validation == 0


def whole(images):
    return DatasetEntry(1, 8, 256, undivided(images), {}, undivided=images)


def halves(train, test):
    return DatasetEntry(1, 8, 256, train, {}, official_test=test)


SMALL = [*map(whole, range(1, 60)), *(halves(n, t) for n in range(1, 60, 7) for t in range(5))]


@pytest.mark.parametrize(("partition", "enough", "too_few", "words"), [
    ("train_and_test", whole(2), whole(1), "has 1 image, and partition=train_and_test needs at l"),
    ("disjoint", whole(7), whole(6), "has 6 images, and partition=disjoint needs at least 7. Give"),
    ("development", whole(4), whole(3), "has 3 images, and partition=development needs at least 4"),
    ("train_and_test", halves(2, 1), halves(2, 0), "has 0 test images, and partition=train_and_te"),
    ("disjoint", halves(2, 2), halves(2, 1), "has 1 test image, and partition=disjoint needs at l"),
    ("development", halves(40, 1), halves(39, 9), "has 39 training images, and partition=developm"),
])  # fmt: skip
def test_each_part_has_an_image_or_the_set_is_refused(partition, enough, too_few, words):
    found = sizes(Part(None, 0, partition), enough)
    parts = [found.train, found.test, *([found.validation] * (partition != "train_and_test"))]
    assert min(parts) >= 1
    with pytest.raises(UsageError, match=words) as error:
        sizes(Part(None, 0, partition), too_few)
    assert ("partition=train_and_test." in str(error.value)) == (partition != "train_and_test")


@pytest.mark.parametrize("partition", ["train_and_test", "disjoint", "development"])
@pytest.mark.parametrize("entry", SMALL)
def test_no_set_is_so_small_that_a_part_is_empty(entry, partition):
    try:
        found = sizes(Part(None, 0, partition), entry)
    except UsageError:
        return
    assert found.train >= 1 and found.test >= 1
    assert (found.validation >= 1) == (partition != "train_and_test")
    assert found.train + found.validation + found.test <= entry.all_images
