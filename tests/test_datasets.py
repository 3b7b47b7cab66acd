"""The digits and how D_train is drawn."""

import numpy as np
import pytest

from scaling.checked import UsageError
from scaling.data.datasets import load, split


def as_set(images):
    return {image.tobytes() for image in images}


def test_digits_are_those_of_scikit_learn(digits):
    from sklearn.datasets import load_digits

    assert digits.train.dtype == np.uint8
    assert digits.train.shape == (1297, 1, 8, 8)
    assert digits.test.shape == (500, 1, 8, 8)
    assert digits.levels == 17
    whole = np.concatenate([digits.train, digits.test]).reshape(1797, 64)
    original = load_digits()
    assert sorted(map(tuple, whole)) == sorted(map(tuple, original.data.astype(int)))
    assert np.bincount(np.concatenate([digits.train_labels, digits.test_labels])).tolist() == (
        np.bincount(original.target).tolist()
    )


def test_the_split_is_a_partition_and_nested(digits):
    small, large = split(digits, 200, 3), split(digits, 300, 3)
    assert (small.train == large.train[:200]).all()
    assert len(small.train) + len(small.test) == 1797
    assert as_set(small.train) | as_set(small.test) == as_set(digits.train) | as_set(digits.test)
    other = split(digits, 200, 4)
    assert len(as_set(other.train) & as_set(small.train)) < 100


def test_labels_go_with_their_images(digits):
    by_image = dict(zip(map(bytes, digits.train), digits.train_labels, strict=True))
    part = split(digits, 300, 1)
    for image, label in zip(part.train, part.train_labels, strict=True):
        assert by_image.get(image.tobytes(), label) == label


def test_all_images_by_default(digits):
    part = split(digits, None, 0)
    assert (len(part.train), len(part.test)) == (1297, 500)


def test_an_official_test_set_stays(tiny):
    part = split(tiny, 20, 7)
    assert len(part.train) == 20
    assert (part.test == tiny.test).all()


def test_too_many_images_are_refused(digits, tiny):
    with pytest.raises(UsageError, match="--train-size 1796"):
        split(digits, 1797, 0)
    with pytest.raises(UsageError, match="--train-size 45"):
        split(tiny, 46, 0)


def test_unknown_names_list_the_known():
    with pytest.raises(UsageError, match="digits"):
        load("celeba")
