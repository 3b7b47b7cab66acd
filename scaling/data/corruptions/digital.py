"""Implements CIFAR-10-C's brightness, contrast, saturation, elastic, pixelate and JPEG corruptions.

Severities 1 to 5 are those of CIFAR-10-C (Hendrycks and Dietterich 2019; constants from
hendrycks/robustness, make_cifar_c.py, Apache-2.0).
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from scaling.data.corruptions.resample import Images, bilinear, mirror, pixel_positions, reflect

BRIGHTNESS = (0.05, 0.1, 0.15, 0.2, 0.3)  # added to the value of HSV
CONTRAST = (0.75, 0.5, 0.4, 0.3, 0.15)  # factor about each colour's mean
SATURATE = ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))  # factor and shift of saturation
ELASTIC = (  # height and width of the waves, shift of corners, relative to the side of the image
    (0, 0, 0.08),
    (0.05, 0.2, 0.07),
    (0.08, 0.06, 0.06),
    (0.1, 0.04, 0.05),
    (0.1, 0.03, 0.03),
)
PIXELATE = (0.95, 0.9, 0.85, 0.75, 0.65)  # small side relative to the side
JPEG = (80, 65, 58, 50, 40)  # quality


def brightness(x: Images, shift: float, rng: np.random.Generator) -> Images:
    """Adds `shift` to the value of HSV, the largest colour; hue and saturation do not change."""
    value = x.max(1, keepdims=True)
    black = value == 0
    direction = np.where(black, 1, x / np.where(black, 1, value))
    return direction * np.clip(value + shift, 0, 1)


def saturate(x: Images, c: tuple[float, float], rng: np.random.Generator) -> Images:
    """Maps saturation s of HSV to c[0] s + c[1]; hue and value do not change. Grey has hue red."""
    value = x.max(1, keepdims=True)
    depth = value - x  # distance of each colour from the largest one
    chroma = depth.max(1, keepdims=True)
    grey = chroma == 0
    red = np.array([0, 1, 1], x.dtype)[:, None, None]
    hue = np.where(grey, red, depth / np.where(grey, 1, chroma))
    saturation = chroma / np.where(value == 0, 1, value)
    return value * (1 - hue * np.clip(saturation * c[0] + c[1], 0, 1))


def contrast(x: Images, factor: float, rng: np.random.Generator) -> Images:
    """Scales the difference of each colour from its mean over the image by a factor."""
    mean = x.mean((2, 3), keepdims=True)
    return (x - mean) * np.float32(factor) + mean


def elastic_transform(x: Images, c: tuple[float, float, float], rng: np.random.Generator) -> Images:
    """Applies a random affine map, then smooth random displacements, to each image."""
    count, side = len(x), x.shape[-1]
    height, width, shift = (side * part for part in c)
    rows, columns = _affine(count, side, shift, rng)
    x = bilinear(x, rows, columns, mirror)
    noise = rng.uniform(-1, 1, (2, count, side, side))
    waves = height * ndimage.gaussian_filter(noise, width, mode="reflect", truncate=3, axes=(2, 3))
    rows, columns = pixel_positions(count, side)
    return bilinear(x, rows + waves[0], columns + waves[1], reflect)


def _affine(
    count: int, side: int, shift: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Draws affine maps that move three points by up to `shift` pixels.

    Returns the rows and columns at which each map reads the image, (count, side, side) each.
    """
    centre, arm = side // 2, side // 3
    points = np.array([[arm, arm], [arm, -arm], [-arm, -arm]]) + centre  # columns and rows
    moved = points + rng.uniform(-shift, shift, (count, 3, 2))
    inverse = np.linalg.solve(_homogeneous(moved), np.broadcast_to(points, moved.shape))
    rows, columns = pixel_positions(count, side)
    places = np.stack([columns, rows, np.ones_like(rows)], -1) @ inverse[:, None]
    return places[..., 1], places[..., 0]


def _homogeneous(points: NDArray) -> NDArray:
    return np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1)


def pixelate(x: Images, share: float, rng: np.random.Generator) -> Images:
    """Reduces images to that share of the side and enlarges them again, by box filters."""
    side = x.shape[-1]
    small = int(side * share)

    def through(image: Image.Image) -> Image.Image:
        image = image.resize((small, small), Image.Resampling.BOX)
        return image.resize((side, side), Image.Resampling.BOX)

    return _each(x, through)


def jpeg_compression(x: Images, quality: int, rng: np.random.Generator) -> Images:
    """Compresses and decompresses each image by JPEG with that quality."""

    def through(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _each(x, through)


def _each(x: Images, through: Callable[[Image.Image], Image.Image]) -> Images:
    """Applies a function of Pillow images with 8 bits to each image."""
    images = np.round(x * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    changed = np.stack([np.asarray(through(Image.fromarray(image))) for image in images])
    return (changed.transpose(0, 3, 1, 2) / 255).astype(x.dtype)


DIGITAL = {
    "brightness": (brightness, BRIGHTNESS),
    "contrast": (contrast, CONTRAST),
    "elastic_transform": (elastic_transform, ELASTIC),
    "pixelate": (pixelate, PIXELATE),
    "jpeg_compression": (jpeg_compression, JPEG),
    "saturate": (saturate, SATURATE),
}
