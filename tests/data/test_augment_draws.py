"""Draws of transformations: how often and how strong they are, compared with Tables 8-10."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from scaling.data import augment
from scaling.data.augment import TABLE_8, TABLE_9, TABLE_10
from scaling.errors import UsageError
from scaling.trial.source import Source

MANY = 10_000
NAIVE = replace(TABLE_8, probability=0.12)
TUNED_GREY = replace(TABLE_9, probability=0.10)
TUNED_RGB = replace(TABLE_10, probability=0.12)


def draws(knobs, side=32, seed=0, count=MANY):
    return augment.draw(
        torch.empty(count, 1, side, side), knobs, torch.Generator().manual_seed(seed)
    )


def assert_rate(happened, rate):
    """Asserts that the rate is within 4 standard errors."""
    error = math.sqrt(rate * (1 - rate) / len(happened))
    assert abs(happened.double().mean().item() - rate) <= 4 * error


def test_each_data_set_has_the_augmentation_of_its_table():
    def knobs(name, dataset, channels):
        return augment.augmentation_of(Source(augment=name), dataset, channels)

    assert knobs("naive", "cifar10", 3) == NAIVE
    assert knobs("naive", "mnist", 1) == replace(NAIVE, probability=0.10)
    assert knobs("tuned", "cifar10", 3) == TUNED_RGB
    for name in ("mnist", "fashion_mnist", "digits", "some/grey.npz"):
        assert knobs("tuned", name, 1) == TUNED_GREY


def test_the_fields_of_a_source_change_the_augmentation():
    source = Source(
        augment="tuned", augment_probability=0.3, augment_strength="uniform",
        augment_flip="always", augment_filter="sym6",
    )  # fmt: skip
    assert augment.augmentation_of(source, "cifar10", 3) == replace(
        TABLE_10, probability=0.3, strength="uniform", flip="always", filter="sym6"
    )
    assert (
        augment.augmentation_of(replace(source, augment_probability=0.0), "x", 1).probability == 0
    )


def test_other_numbers_of_channels_are_refused():
    with pytest.raises(UsageError, match="two.npz has 2 channels"):
        augment.augmentation_of(Source(augment="naive"), "two.npz", 2)


@pytest.mark.parametrize("knobs", [NAIVE, TUNED_RGB, TUNED_GREY])
def test_every_transformation_happens_at_its_rate(knobs):
    drawn, b = draws(knobs), knobs.probability
    x_flip = 0.5 if knobs.x_flip_always else b / 2 * knobs.x_flip
    assert_rate(drawn.flip[:, 0], x_flip)
    assert_rate(drawn.flip[:, 1], b / 2 * knobs.y_flip)
    rates = {
        "pixels": b * (1 - (1 / 6) ** 2) * bool(knobs.translate),  # |3 U| < 1/2 in both axes
        "scale": b,
        "angle": b,
        "stretch": b,
        "axis": knobs.stretch_rotate,
        "shift": 0,
        **{name: b * bool(knobs.hue) for name in ("brightness", "contrast", "hue", "saturation")},
    }
    for name, rate in rates.items():
        happened = getattr(drawn, name) != 0
        assert_rate(happened.any(1) if happened.dim() > 1 else happened, rate)


def test_transformations_happen_independently():
    drawn = draws(replace(NAIVE, probability=0.5, shift=0.1))
    columns = [column.bool() for column in drawn if column.dim() == 1]
    columns += [drawn.flip[:, 0], drawn.pixels.any(1), drawn.shift.any(1)]
    table = np.corrcoef(torch.stack(columns).numpy())
    off_diagonal = table[~np.eye(len(columns), dtype=bool)]
    assert abs(off_diagonal).max() < 4.5 / math.sqrt(MANY)


def test_flips_always_happen_if_flip_is_always():
    drawn = draws(replace(TUNED_RGB, flip="always"))
    assert drawn.flip[:, 0].all()
    assert_rate(drawn.flip[:, 1], 0.12)
    assert_rate(draws(replace(NAIVE, flip="always")).flip[:, 0], 0.12)


@pytest.mark.parametrize(("side", "most"), [(32, 3), (8, 1)])
def test_translations_are_rounded_uniforms(side, most):
    pixels = draws(replace(TUNED_GREY, probability=1.0), side).pixels
    edges = (np.arange(-most, most + 2) - 0.5).clip(-side * 3 / 32, side * 3 / 32)
    shares = np.diff(edges) / np.diff(edges).sum()
    for axis in (0, 1):
        assert pixels[:, axis].min() == -most and pixels[:, axis].max() == most
        for value, share in zip(range(-most, most + 1), shares, strict=True):
            assert_rate(pixels[:, axis] == value, share)
    assert abs(np.corrcoef(pixels.T)[0, 1]) < 4 / math.sqrt(MANY)


@pytest.mark.parametrize(("strength", "distribution"), [
    ("normal", stats.norm()), ("uniform", stats.uniform(-1, 2)), ("uniform_pos", stats.uniform()),
])  # fmt: skip
def test_strengths_follow_their_distribution(strength, distribution):
    drawn = draws(replace(NAIVE, probability=1.0, strength=strength, shift=0.125))
    sigmas = {"scale": 0.2, "stretch": 0.2, "brightness": 0.2, "contrast": 0.25, "saturation": 0.5}
    for name, sigma in sigmas.items():
        values = getattr(drawn, name).numpy() / sigma
        assert stats.kstest(values, distribution.cdf).pvalue > 1e-3, name
    for axis in (0, 1):
        values = drawn.shift[:, axis].numpy() / (0.125 * 32)
        assert stats.kstest(values, distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize("strength", augment.STRENGTHS)
def test_angles_are_uniform_for_every_distribution_of_strengths(strength):
    drawn = draws(replace(NAIVE, probability=1.0, stretch_rotate=1.0, strength=strength))
    largest = {"angle": math.radians(10), "hue": 0.25 * math.pi, "axis": math.pi}
    for name, most in largest.items():
        values = getattr(drawn, name).numpy() / most
        assert stats.kstest(values, stats.uniform(-1, 2).cdf).pvalue > 1e-3, name
