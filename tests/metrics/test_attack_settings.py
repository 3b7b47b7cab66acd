"""Which images are attacked, and how strongly (Table 2)."""

import numpy as np
import pytest

from scaling.metrics.attack import Strength
from scaling.metrics.robustness import Settings, references


def test_references_are_stratified_from_the_first_1024():
    labels = np.random.default_rng(0).integers(0, 10, 5000)
    chosen, how = references(5000, labels, 50)
    assert how == "stratified" and len(set(chosen)) == 50 and chosen.max() < 1024
    share = np.bincount(labels[:1024], minlength=10) / 1024
    assert np.abs(np.bincount(labels[chosen], minlength=10) - 50 * share).max() <= 1
    np.testing.assert_array_equal(references(5000, labels, 50)[0], chosen)


@pytest.mark.parametrize(
    "labels",
    [None, np.zeros(0, dtype=int), np.arange(100), np.repeat(range(50), 2)],
    ids=["none", "empty", "all different", "more classes than references"],
)
def test_references_without_usable_labels(labels):
    chosen, how = references(100, labels, 20)
    assert how == "unstratified" and len(set(chosen)) == 20


@pytest.mark.parametrize("images", [50, 30])
def test_a_small_test_set_is_used_whole(images):
    chosen, how = references(images, np.zeros(images, dtype=int), 50)
    assert how == "all" and sorted(chosen) == list(range(images))


def test_table_2_by_channels_and_what_is_set_instead():
    assert Settings().strength(1) == Strength(50, 10, 50, 1.0, 0.1)
    assert Settings().strength(3) == Strength(20, 10, 100, 1.0, 0.05)
    changed = Settings(eta=0.5, grad="l2", msssim="standard").strength(3)
    assert changed == Strength(20, 10, 100, 0.5, 0.05, "l2")
