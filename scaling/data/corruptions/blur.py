"""Implements the blur corruptions of CIFAR-10-C: defocus, glass, motion, zoom and Gaussian.

Severities 1 to 5 are those of CIFAR-10-C (Hendrycks and Dietterich 2019; constants from
hendrycks/robustness, make_cifar_c.py, Apache-2.0).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scaling.data.corruptions.resample import (
    Images,
    gather,
    pixel_positions,
    ray_blurred,
    rounded_to_8_bits,
    zoomed,
)

DEFOCUS_BLUR = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1))  # radius, smoothing
GLASS_BLUR = ((0.05, 1), (0.25, 1), (0.4, 1), (0.25, 2), (0.4, 2))  # sigma, rounds
MOTION_BLUR = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))  # radius, sigma
ZOOM_BLUR = (1.06, 1.11, 1.16, 1.21, 1.26)  # end of the range of zooms
GAUSSIAN_BLUR = (0.4, 0.6, 0.7, 0.8, 1)  # sigma in pixels
ZOOM_STEP = 0.01
MOTION_ANGLE = 45  # degrees to either side of the horizontal


def smoothed(x: Images, sigma: float) -> Images:
    """Smooths rows and columns by a Gaussian of width sigma in pixels; edge pixels repeat."""
    return ndimage.gaussian_filter(x, sigma, mode="nearest", truncate=4.0, axes=(2, 3))


def lens_kernel(radius: float, smoothing: float) -> NDArray:
    """Returns the kernel of a lens out of focus: a disk of that radius under a 3x3 Gaussian."""
    reach = int(np.ceil(radius)) + 1
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = (rows**2 + columns**2 <= radius**2).astype(float)
    soft = np.exp(-np.array([1, 0, 1]) / (2 * smoothing**2))
    soft = np.outer(soft, soft) / soft.sum() ** 2
    return ndimage.convolve(kernel / kernel.sum(), soft, mode="constant")


def defocus_blur(x: Images, c: tuple[float, float], rng: np.random.Generator) -> Images:
    """Blurs images as a lens out of focus does; c are radius and smoothing in pixels."""
    kernel = lens_kernel(*c).astype(x.dtype)
    return ndimage.correlate(x, kernel[None, None], mode="mirror")


def glass_blur(x: Images, c: tuple[float, int], rng: np.random.Generator) -> Images:
    """Replaces every pixel by a neighbour above or to the left, between two blurs.

    The original code intends to exchange the two pixels but keeps only one; so does this function.
    """
    sigma, rounds = c
    x = np.floor(smoothed(x, sigma) * 255 + 1e-4) / np.float32(255)
    for _ in range(rounds):
        rows, columns = pixel_positions(len(x), x.shape[-1])
        for field in (rows, columns):
            inside = field[:, 2:, 2:]
            inside -= rng.integers(0, 2, inside.shape)
        x = gather(x, rows, columns)
    return smoothed(x, sigma)


def motion_blur(x: Images, c: tuple[int, float], rng: np.random.Generator) -> Images:
    """Blurs each image along a ray in a direction of its own, like ImageMagick's motion blur."""
    angles = rng.uniform(-MOTION_ANGLE, MOTION_ANGLE, len(x))
    return rounded_to_8_bits(ray_blurred(x, *c, angles))


def zoom_blur(x: Images, end: float, rng: np.random.Generator) -> Images:
    """Returns the mean of the image and of its zooms from 1 to `end`."""
    factors = np.arange(1, end, ZOOM_STEP)
    total = x + sum(zoomed(x, factor) for factor in factors)
    return total / np.float32(len(factors) + 1)


def gaussian_blur(x: Images, sigma: float, rng: np.random.Generator) -> Images:
    """Blurs images by a Gaussian of width sigma in pixels."""
    return smoothed(x, sigma)


BLURS = {
    "defocus_blur": (defocus_blur, DEFOCUS_BLUR),
    "glass_blur": (glass_blur, GLASS_BLUR),
    "motion_blur": (motion_blur, MOTION_BLUR),
    "zoom_blur": (zoom_blur, ZOOM_BLUR),
    "gaussian_blur": (gaussian_blur, GAUSSIAN_BLUR),
}
