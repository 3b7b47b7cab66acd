"""Resamples images at other positions than their pixels: shifts, displacements, zooms.

Batches are (N, C, H, W) and square; each image has its own rows and columns (N, H, W).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Images = NDArray[np.float32]  # (N, C, H, W) in [0, 1] before and after a corruption
Fold = Callable[[NDArray, int], NDArray]  # maps indices outside the image to indices inside


def pixel_positions(count: int, side: int) -> tuple[NDArray, NDArray]:
    """Returns the rows and columns of every pixel, (count, side, side) each."""
    rows, columns = np.mgrid[:side, :side]
    shape = (count, side, side)
    return np.broadcast_to(rows, shape).copy(), np.broadcast_to(columns, shape).copy()


def gather(x: Images, rows: NDArray, columns: NDArray) -> Images:
    """Returns the pixels at whole rows and columns inside each image."""
    count, channels, side, _ = x.shape
    index = (rows * side + columns).reshape(count, 1, -1)
    return np.take_along_axis(x.reshape(count, channels, -1), index, 2).reshape(x.shape)


def clamp(index: NDArray, side: int) -> NDArray:
    """Maps indices so that edge pixels repeat: aaa|abcd|ddd."""
    return np.clip(index, 0, side - 1)


def mirror(index: NDArray, side: int) -> NDArray:
    """Maps indices so that the image is mirrored about its edge pixels: dcb|abcd|cba."""
    index = np.abs(index) % (2 * side - 2)
    return np.minimum(index, 2 * side - 2 - index)


def reflect(index: NDArray, side: int) -> NDArray:
    """Maps indices so that the image is mirrored about its border: cba|abcd|dcb."""
    index = index % (2 * side)
    return np.minimum(index, 2 * side - 1 - index)


def bilinear(x: Images, rows: NDArray, columns: NDArray, fold: Fold) -> Images:
    """Interpolates images linearly at fractional rows and columns."""
    side = x.shape[-1]
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down = (rows - top).astype(x.dtype)[:, None]
    right = (columns - left).astype(x.dtype)[:, None]

    def corner(below: int, beside: int) -> Images:
        return gather(x, fold(top + below, side), fold(left + beside, side))

    upper = corner(0, 0) * (1 - right) + corner(0, 1) * right
    lower = corner(1, 0) * (1 - right) + corner(1, 1) * right
    return upper * (1 - down) + lower * down


def zoomed(x: Images, factor: float) -> Images:
    """Enlarges the centre of each image to the image's size by linear interpolation."""
    side = x.shape[-1]
    crop = int(np.ceil(side / factor))
    top = (side - crop) // 2
    weights = ndimage.zoom(np.eye(side)[top : top + crop], (factor, 1), order=1)
    trim = (len(weights) - side) // 2
    weights = weights[trim : trim + side].astype(x.dtype)
    return weights @ x @ weights.T


def ray_blurred(x: Images, radius: int, sigma: float, angles: NDArray) -> Images:
    """Replaces each pixel by the mean over a ray, weighted by half a Gaussian, as motion blur does.

    `angles` (N,) are in degrees from the horizontal; the ray has 2 radius + 1 pixels.
    """
    rows, columns = pixel_positions(len(x), x.shape[-1])
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2)).astype(x.dtype)
    down, right = np.sin(np.deg2rad(angles)), np.cos(np.deg2rad(angles))
    out = np.zeros_like(x)
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        r = rows + np.ceil(step * down - 0.5).astype(int)[:, None, None]
        c = columns + np.ceil(step * right - 0.5).astype(int)[:, None, None]
        out += weight * gather(x, clamp(r, x.shape[-1]), clamp(c, x.shape[-1]))
    return out


def rounded_to_8_bits(x: Images) -> Images:
    """Rounds images to 8 bits, as the original does by writing an image file."""
    return np.round(np.clip(x, 0, 1) * 255) / np.float32(255)
