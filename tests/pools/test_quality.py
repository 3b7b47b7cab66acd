"""Distances between sets of images: closed forms, and the slow obvious way."""

import numpy as np
import pytest
import scipy.linalg

from scaling.pools import quality as pool_quality
from scaling.pools.quality import describe, frechet, moments, near_copies, nearest


def images(seed, count, shape=(1, 8, 8), levels=17):
    return np.random.default_rng(seed).integers(0, levels, (count, *shape), dtype=np.uint8)


def with_moments(seed, count, mean, root):
    """Makes points with this mean and the covariance root @ root.T, up to rounding."""
    x = np.random.default_rng(seed).normal(size=(count, len(mean)))
    x -= x.mean(0)
    white = np.linalg.qr(x)[0] * np.sqrt(count - 1)
    return mean + white @ root.T


def rotation(seed, side):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(side, side)))[0]


def distance(x, y):
    return frechet(*moments(x), *moments(y))


@pytest.mark.parametrize("zeros", [0, 3])
def test_the_frechet_distance_of_commuting_covariances_is_the_closed_form(zeros):
    """It is

    difference of means

    ^2 + sum of (difference of standard deviations)^2.
    """
    rng = np.random.default_rng(1)
    turn, deviations = rotation(0, 7), rng.uniform(0.1, 3, (2, 7))
    deviations[0, :zeros] = 0  # a covariance without full rank
    means = rng.normal(size=(2, 7))
    x = with_moments(2, 50, means[0], turn * deviations[0])
    y = with_moments(3, 80, means[1], turn * deviations[1])
    expected = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert distance(x, y) == pytest.approx(expected, rel=1e-12)
    assert distance(y, x) == pytest.approx(expected, rel=1e-12)


def test_frechet_equals_the_formula_with_the_matrix_root():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    y = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)) + 1
    one, other = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(one @ other).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(one + other - 2 * root)
    assert distance(x, y) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [2, 20, 100])
def test_frechet_of_equal_sets_is_0_at_any_rank(count):
    x = np.random.default_rng(0).random((count, 1, 6, 6))
    assert distance(x, x[::-1]) == pytest.approx(0, abs=1e-12)
    assert distance(x, x + 0.5) == pytest.approx(36 / 4, rel=1e-12)


def test_frechet_does_not_change_its_arguments():
    x = np.random.default_rng(0).random((20, 5))
    before = x.copy()
    distance(x, x + 1)
    assert (x == before).all()


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("own", [False, True])
def test_nearest_equals_the_slow_loop(monkeypatch, levels, own):
    monkeypatch.setattr(pool_quality, "QUERIES", 7)
    monkeypatch.setattr(pool_quality, "BASE", 11)
    base = images(1, 40, levels=levels)
    queries, skip = (base[5:30], np.arange(5, 30)) if own else (images(0, 25, levels=levels), None)
    expected = []
    for i, query in enumerate(queries):
        away = (query.astype(float) - base) ** 2 / (levels - 1) ** 2
        distances = np.sqrt(away.mean((1, 2, 3)))
        if own:
            distances[5 + i] = np.inf
        expected.append(distances.min())
    np.testing.assert_allclose(nearest(queries, base, levels, skip), expected, rtol=1e-12)


def test_a_copy_is_at_distance_0_among_many():
    base = images(0, 3000, (3, 16, 16), 256)
    assert (nearest(base[::-1][:500], base, 256) == 0).all()
    almost = base[:100].copy()
    almost[:, 0, 0, 0] ^= 1  # one level of one value
    expected = 1 / 255 / np.sqrt(3 * 16 * 16)
    np.testing.assert_allclose(nearest(almost, base, 256), expected)


def test_near_copies_are_found_and_others_are_not(digits):
    copies = digits.train[:40].copy()
    copies[:, :, 0, 0] ^= 1
    mixed = np.concatenate([digits.test[:60], copies])
    found = near_copies(mixed, digits.train, 17)
    assert (found.checked, found.found, found.share) == (100, 40, 0.4)
    assert found.share_in_train == 0
    others = nearest(digits.train, digits.train, 17, skip=np.arange(len(digits.train)))
    assert found.threshold == pytest.approx(pool_quality.NEAR_COPY * np.median(others))


def test_near_copies_are_sought_in_all_of_d_train(digits):
    found = near_copies(digits.train[::-1], digits.train, 17, count=50)
    assert (found.checked, found.found) == (50, 50)


def test_unseen_images_get_the_numbers_of_good_samples(digits):
    half = len(digits.train) // 2
    numbers = describe(digits.train[half:], digits.train[:half], digits.test, 17)
    assert numbers["images"] == 500
    for measure in ("frechet", "mean", "histogram"):
        ratio = numbers[f"{measure}_samples_test"] / numbers[f"{measure}_train_test"]
        assert 0.5 < ratio < 2, measure
    for other in ("train", "test"):
        assert numbers[f"nearest_samples_{other}"] == pytest.approx(
            numbers["nearest_test_train"], rel=0.05
        )
    assert numbers["near_copies_samples"] <= 0.01


def test_noise_and_copies_are_distinguished_from_good_samples(digits):
    noise = describe(images(0, 1297), digits.train, digits.test, 17)
    assert noise["frechet_samples_test"] > 5 * noise["frechet_train_test"]
    assert noise["mean_samples_test"] > 5 * noise["mean_train_test"]
    assert noise["histogram_samples_test"] > 5 * noise["histogram_train_test"]
    assert noise["nearest_samples_train"] > 1.5 * noise["nearest_test_train"]
    copies = describe(digits.train[::-1], digits.train, digits.test, 17)
    assert copies["near_copies_samples"] == 1 > copies["near_copies_test"]
    assert copies["frechet_samples_test"] < 1.5 * copies["frechet_train_test"]


def test_simple_numbers_equal_those_by_hand():
    train = np.zeros((4, 1, 2, 2), np.uint8)
    test = np.full((4, 1, 2, 2), 1, np.uint8)
    samples = np.full((4, 1, 2, 2), 4, np.uint8)
    numbers = describe(samples, train, test, levels=5)
    assert numbers["mean_samples_test"] == pytest.approx(0.75)
    assert numbers["mean_train_test"] == pytest.approx(0.25)
    assert numbers["histogram_samples_test"] == numbers["histogram_train_test"] == 1
    assert numbers["frechet_samples_train"] == pytest.approx(4)
    assert numbers["frechet_samples_test"] == pytest.approx(4 * 0.75**2)
    assert numbers["nearest_samples_train"] == 1
    assert numbers["nearest_test_train"] == 0.25
    assert (numbers["to_train_samples"], numbers["to_train_test"]) == (1, 0.25)
    assert describe(train, train, train, 5)["histogram_samples_test"] == 0


def test_the_same_images_are_compared_each_time(digits):
    first = describe(digits.train, digits.train, digits.test, 17, images=100)
    assert first == describe(digits.train, digits.train, digits.test, 17, images=100)
    assert first != describe(digits.train, digits.train, digits.test, 17, images=101)
    assert first["images"] == 100


def test_copies_are_at_distance_0_of_all_of_d_train_though_the_sets_are_cut(digits):
    numbers = describe(digits.train[::-1], digits.train, digits.test, 17, images=50)
    assert numbers["to_train_samples"] == 0 < numbers["nearest_samples_train"]
    expected = np.median(nearest(pool_quality.choose(digits.test, 50), digits.train, 17))
    assert numbers["to_train_test"] == pytest.approx(expected)
