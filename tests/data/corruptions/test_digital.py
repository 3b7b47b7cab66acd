"""Digital corruptions compared with colorsys, scipy and Pillow, pixel by pixel."""

import colorsys
import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from scaling.data.corruptions.digital import (
    BRIGHTNESS,
    CONTRAST,
    ELASTIC,
    JPEG,
    PIXELATE,
    SATURATE,
    brightness,
    contrast,
    elastic_transform,
    jpeg_compression,
    pixelate,
    saturate,
)
from scaling.data.corruptions.resample import pixel_positions

RNG = np.random.default_rng


@pytest.fixture
def noise():
    levels = RNG(1).integers(0, 256, (3, 3, 32, 32))
    levels[:, :, 0, 0] = 0  # black
    levels[:, :, 0, 1] = 255
    levels[:, :, 0, 2] = 128
    return (levels / 255).astype(np.float32)


def pixelwise(x, change):
    """Converts each pixel to HSV, changes it, and converts it back."""
    pixels = x.transpose(0, 2, 3, 1).reshape(-1, 3)
    changed = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*map(float, p)))) for p in pixels]
    return np.array(changed).reshape(len(x), 32, 32, 3).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("shift", BRIGHTNESS)
def test_brightness_shifts_the_value(noise, shift):
    expected = pixelwise(noise, lambda h, s, v: (h, s, min(v + shift, 1)))
    np.testing.assert_allclose(brightness(noise, shift, RNG(0)), expected, atol=1e-6)


@pytest.mark.parametrize("c", SATURATE)
def test_saturate_changes_the_saturation(noise, c):
    expected = pixelwise(noise, lambda h, s, v: (h, min(max(s * c[0] + c[1], 0), 1), v))
    np.testing.assert_allclose(saturate(noise, c, RNG(0)), expected, atol=1e-5)


@pytest.mark.parametrize("factor", CONTRAST)
def test_contrast_scales_the_spread_and_keeps_the_mean(noise, factor):
    found = contrast(noise, factor, RNG(0))
    np.testing.assert_allclose(found.mean((2, 3)), noise.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(found.std((2, 3)), factor * noise.std((2, 3)), rtol=1e-4)


def levels(image):
    return Image.fromarray(np.round(image.transpose(1, 2, 0) * 255).astype(np.uint8))


@pytest.mark.parametrize("quality", JPEG)
def test_jpeg_compression_equals_pillows(noise, quality):
    for image, found in zip(noise, jpeg_compression(noise, quality, RNG(0)), strict=True):
        file = io.BytesIO()
        levels(image).save(file, "JPEG", quality=quality)
        assert np.array_equal(np.asarray(levels(found)), np.asarray(Image.open(file)))


@pytest.mark.parametrize("share", PIXELATE)
def test_pixels_are_fewer_and_the_mean_stays(noise, share):
    for image in pixelate(noise, share, RNG(0)):
        rows = {row.tobytes() for row in image.transpose(1, 0, 2)}
        columns = {column.tobytes() for column in image.transpose(2, 0, 1)}
        assert len(rows) == len(columns) == int(32 * share)
    smooth = np.linspace(0.2, 0.8, 32, dtype=np.float32)[None, None, None].repeat(3, 1)
    smooth = smooth.repeat(32, 2)
    found = pixelate(smooth, share, RNG(0))
    assert found.mean() == pytest.approx(smooth.mean(), abs=0.01)


def test_elastic_equals_the_slow_way():
    """The slow way is an affine map through three moved points, then waves, image by image."""
    height, width, shift = (32 * c for c in ELASTIC[3])
    y, x = np.mgrid[:32, :32] / 32
    smooth = np.stack([np.sin(6 * x), np.cos(5 * y), x * y])[None].repeat(2, 0).astype(np.float32)
    found = elastic_transform(smooth, ELASTIC[3], RNG(5))
    rng = RNG(5)
    points = np.array([[26, 26], [26, 6], [6, 6]])
    moved = points + rng.uniform(-shift, shift, (2, 3, 2))
    waves = rng.uniform(-1, 1, (2, 2, 32, 32))
    rows, columns = (part[0] for part in pixel_positions(1, 32))
    for i in range(2):
        forward = np.linalg.solve(np.c_[points, np.ones(3)], moved[i]).T  # [A | b]: new = A old + b
        places = np.linalg.solve(
            forward[:, :2], np.stack([columns, rows]).reshape(2, -1) - forward[:, 2:]
        )
        for c in range(3):
            plane = map_coordinates(smooth[i, c], places[::-1], order=1, mode="mirror")
            field = [
                height * gaussian_filter(w[i], width, mode="reflect", truncate=3) for w in waves
            ]
            at = [rows + field[0], columns + field[1]]
            slow = map_coordinates(plane.reshape(32, 32), at, order=1, mode="reflect")
            np.testing.assert_allclose(found[i, c], slow, atol=2e-4)


def test_the_weakest_elastic_transform_is_affine():
    rows, columns = pixel_positions(4, 32)
    x = ((rows + 2 * columns) / 96)[:, None].repeat(3, 1).astype(np.float32)
    found = elastic_transform(x, ELASTIC[0], RNG(0))[:, 0, 10:22, 10:22]
    for axis in (1, 2):  # a plane stays a plane
        np.testing.assert_allclose(np.diff(found, 2, axis=axis), 0, atol=1e-5)
    assert (abs(found - x[:, 0, 10:22, 10:22]).max((1, 2)) > 1e-3).all()
