"""Blurs: their kernels, shown by the image of a single point, and what they leave unchanged."""

import math
from typing import Any

import numpy as np
import pytest

from scaling.data.corruptions.blur import (
    BLURS,
    DEFOCUS_BLUR,
    GAUSSIAN_BLUR,
    MOTION_BLUR,
    defocus_blur,
    gaussian_blur,
    glass_blur,
    lens_kernel,
    motion_blur,
    zoom_blur,
)
from scaling.data.corruptions.resample import ray_blurred

RNG = np.random.default_rng


@pytest.fixture
def point():
    x = np.zeros((4, 3, 32, 32), np.float32)
    x[:, :, 16, 16] = 1
    return x


@pytest.fixture
def noise():
    return RNG(1).random((6, 3, 32, 32)).astype(np.float32)


@pytest.mark.parametrize("name", BLURS)
@pytest.mark.parametrize("severity", range(5))
def test_a_blur_leaves_a_flat_image_unchanged(name, severity):
    blur: Any = BLURS[name]
    function, constants = blur
    flat: Any = np.full((4, 3, 32, 32), 102 / 255, np.float32)
    np.testing.assert_allclose(function(flat, constants[severity], RNG(0)), flat, atol=1e-5)


@pytest.mark.parametrize("sigma", GAUSSIAN_BLUR)
def test_a_point_becomes_a_gaussian(point, sigma):
    found = gaussian_blur(point, sigma, RNG(0))[0, 0]
    distance = np.arange(32) - 16
    line = np.where(
        abs(distance) <= int(4 * sigma + 0.5), np.exp(-(distance**2) / (2 * sigma**2)), 0
    )
    np.testing.assert_allclose(found, np.outer(line, line) / line.sum() ** 2, atol=1e-6)


@pytest.mark.parametrize("c", DEFOCUS_BLUR)
def test_a_point_out_of_focus_becomes_a_soft_disk(point, c):
    found = defocus_blur(point, c, RNG(0))[0, 0]
    np.testing.assert_allclose(found, found.T, atol=1e-7)
    np.testing.assert_allclose(found[1:, 1:], found[:0:-1, :0:-1], atol=1e-7)
    assert found.sum() == pytest.approx(1, abs=1e-5)
    rows, columns = np.nonzero(found > 1e-9)
    softened = c[1] > 0.1  # by one pixel; a Gaussian of 0.1 leaves 1e-22 there
    assert abs(rows - 16).max() == math.floor(c[0]) + softened


def test_a_disk_without_softening_is_even():
    np.testing.assert_allclose(lens_kernel(1.5, 0.02)[2:5, 2:5], 1 / 9)
    np.testing.assert_allclose(
        lens_kernel(1, 0.02)[1:4, 1:4], np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) / 5
    )


@pytest.mark.parametrize("c", MOTION_BLUR)
def test_motion_along_the_rows_is_half_a_gaussian(point, c):
    radius, sigma = c
    found = ray_blurred(point, radius, sigma, np.array([0.0, 90.0, 180.0, 270.0]))[:, 0]
    weights = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
    weights = (weights / weights.sum())[: min(2 * radius + 1, 16)]
    reach = len(weights)
    np.testing.assert_allclose(found[0, 16, 17 - reach : 17], weights[::-1], atol=1e-6)
    np.testing.assert_allclose(found[1, 17 - reach : 17, 16], weights[::-1], atol=1e-6)
    np.testing.assert_allclose(found[2, 16, 16 : 16 + reach], weights, atol=1e-6)
    np.testing.assert_allclose(found[3, 16 : 16 + reach, 16], weights, atol=1e-6)


def test_motion_has_each_image_its_own_direction_near_the_horizontal(point):
    found = motion_blur(point.repeat(50, 0), (6, 2), RNG(0))[:, 0]
    rows, columns = np.mgrid[:32, :32] - 16
    mass = found.sum((1, 2))
    slope = (found * rows).sum((1, 2)) / mass, (found * columns).sum((1, 2)) / mass
    angles = np.degrees(np.arctan2(-slope[0], -slope[1]))
    assert abs(angles).max() < 50 and np.ptp(angles) > 70


def test_glass_takes_values_of_neighbours_only(noise):
    x = np.round(noise * 255) / np.float32(255)
    found = glass_blur(x, (0.05, 1), RNG(0))
    np.testing.assert_array_equal(found[:, :, :2, :2], x[:, :, :2, :2])
    near = [np.roll(x, shift, (2, 3)) for shift in ((0, 0), (0, 1), (1, 0), (1, 1))]
    hits = [np.isclose(found, shifted, atol=1e-6).all(1)[:, 2:, 2:] for shifted in near]
    assert np.logical_or.reduce(hits).all()
    assert all(hit.mean() == pytest.approx(0.25, abs=0.03) for hit in hits)


def test_glass_equals_the_loop_over_pixels():
    """The loop of the original, whose exchange of two views keeps one value."""
    x = np.round(RNG(0).random((1, 3, 32, 32)) * 255).astype(np.float32) / np.float32(255)
    found = glass_blur(x, (0.05, 1), RNG(7))
    rng, slow = RNG(7), x[0].transpose(1, 2, 0).copy()
    down, right = rng.integers(0, 2, (1, 30, 30))[0], rng.integers(0, 2, (1, 30, 30))[0]
    for h in range(31, 1, -1):
        for w in range(31, 1, -1):
            h2, w2 = h - down[h - 2, w - 2], w - right[h - 2, w - 2]
            slow[h, w], slow[h2, w2] = slow[h2, w2], slow[h, w]
    np.testing.assert_allclose(found[0].transpose(1, 2, 0), slow, atol=1e-6)


def test_zoom_blur_spreads_edges_more_than_the_centre(noise):
    lines = np.zeros((1, 3, 32, 32), np.float32)
    lines[:, :, :, [16, 31]] = 1
    found = zoom_blur(lines, 1.11, RNG(0))[0, 0, 16]
    assert found[15:18].max() > 2 * found[28:].max()
    still = zoom_blur(noise, 1.005, RNG(0))  # the factor of no zoom
    np.testing.assert_allclose(still, noise, atol=1e-6)
