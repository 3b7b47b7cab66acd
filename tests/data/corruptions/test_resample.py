"""Resampling compared with NumPy's padding, SciPy's interpolation and a loop over pixels."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates, zoom

from scaling.data.corruptions.resample import (
    bilinear,
    clamp,
    gather,
    mirror,
    pixel_positions,
    ray_blurred,
    reflect,
    rounded_to_8_bits,
    zoomed,
)

RNG = np.random.default_rng


@pytest.fixture
def noise():
    return RNG(0).random((2, 3, 32, 32)).astype(np.float32)


@pytest.mark.parametrize(
    ("fold", "mode"), [(clamp, "edge"), (mirror, "reflect"), (reflect, "symmetric")]
)
@pytest.mark.parametrize("beyond", [1, 5, 23])
def test_indices_outside_are_those_that_numpy_pads_with(fold, mode, beyond):
    side = 6
    padded = np.pad(np.arange(side), beyond, mode=mode)
    np.testing.assert_array_equal(fold(np.arange(-beyond, side + beyond), side), padded)


def test_every_image_is_read_at_its_own_positions(noise):
    rows, columns = pixel_positions(2, 32)
    np.testing.assert_array_equal(gather(noise, rows, columns), noise)
    columns[1] = np.roll(columns[1], 3, axis=1)
    shifted = gather(noise, rows, columns)
    np.testing.assert_array_equal(shifted[0], noise[0])
    np.testing.assert_array_equal(shifted[1], np.roll(noise[1], 3, axis=2))


def test_whole_positions_give_pixels_and_half_ones_their_mean(noise):
    rows, columns = pixel_positions(2, 32)
    np.testing.assert_array_equal(bilinear(noise, rows, columns, clamp), noise)
    between = bilinear(noise, rows + 0.5, columns, clamp)
    below = np.concatenate([noise[:, :, 1:], noise[:, :, -1:]], 2)
    np.testing.assert_allclose(between, (noise + below) / 2, atol=1e-6)


@pytest.mark.parametrize(("fold", "mode"), [(mirror, "mirror"), (reflect, "reflect")])
def test_interpolation_equals_scipys(noise, fold, mode):
    rows, columns = RNG(2).uniform(-9, 40, (2, 2, 32, 32))
    found = bilinear(noise, rows, columns, fold)
    for i, image in enumerate(noise):
        for plane, ours in zip(image, found[i], strict=True):
            slow = map_coordinates(plane, [rows[i], columns[i]], order=1, mode=mode)
            np.testing.assert_allclose(ours, slow, atol=1e-5)


@pytest.mark.parametrize("factor", [1.05, 1.25, 2.0])
def test_a_zoom_is_the_interpolated_centre(noise, factor):
    found = zoomed(noise, factor)
    kept = int(np.ceil(32 / factor))
    top = (32 - kept) // 2
    crop = noise[:, :, top : top + kept, top : top + kept]
    slow = np.stack([[zoom(plane, factor, order=1) for plane in image] for image in crop])
    trim = (slow.shape[2] - 32) // 2
    expected = slow[:, :, trim : trim + 32, trim : trim + 32]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(zoomed(noise, 1.0), noise, atol=1e-6)


def by_pixel(image, radius, sigma, angle):
    """Returns the mean over each pixel's ray, pixel by pixel."""
    side = image.shape[-1]
    weights = [np.exp(-(step**2) / (2 * sigma**2)) for step in range(2 * radius + 1)]
    out = np.zeros_like(image)
    for row in range(side):
        for column in range(side):
            for step, weight in enumerate(weights):
                y = row + int(np.ceil(step * np.sin(np.deg2rad(angle)) - 0.5))
                x = column + int(np.ceil(step * np.cos(np.deg2rad(angle)) - 0.5))
                inside = image[:, min(max(y, 0), side - 1), min(max(x, 0), side - 1)]
                out[:, row, column] += weight / sum(weights) * inside
    return out


def test_motion_blur_equals_the_loop_over_each_pixels_ray(noise):
    small, angles = noise[:, :, :9, :9], np.array([0.0, 37.0])
    found = ray_blurred(small, 3, 1.5, angles)
    for image, angle, ours in zip(small, angles, found, strict=True):
        np.testing.assert_allclose(ours, by_pixel(image, 3, 1.5, angle), atol=1e-6)


def test_rounding_to_8_bits_equals_saving_a_file_of_8_bits(noise):
    wide = 3 * noise - 1  # beyond [0, 1] on both sides
    file = np.rint(np.clip(wide, 0, 1) * 255).astype(np.uint8)
    found = rounded_to_8_bits(wide)
    np.testing.assert_allclose(found, file / 255, atol=1e-6)
    np.testing.assert_array_equal(rounded_to_8_bits(found), found)
