"""Implements the weather corruptions of CIFAR-10-C: snow, frost, fog and spatter.

Severities 1 to 5 are those of CIFAR-10-C (Hendrycks and Dietterich 2019; constants from
hendrycks/robustness, make_cifar_c.py, Apache-2.0). Frost uses generated textures instead of the
photographs of the original; a plain threshold finds the edges in spatter.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scaling.data.corruptions.blur import smoothed
from scaling.data.corruptions.resample import Images, ray_blurred, rounded_to_8_bits, zoomed

SNOW = (  # mean and spread of flakes, zoom, threshold, radius and sigma of motion, share of x
    (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
    (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
)
FROST = ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))  # shares of image and frost
FOG = ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))  # density, decay of the wobble
SPATTER = (  # mean, spread, sigma and threshold of the liquid, strength of water or sigma of mud
    (0.62, 0.1, 0.7, 0.7, 0.5, "water"),
    (0.65, 0.1, 0.8, 0.7, 0.5, "water"),
    (0.65, 0.3, 1, 0.69, 0.5, "water"),
    (0.65, 0.1, 0.7, 0.69, 0.6, "mud"),
    (0.65, 0.1, 0.5, 0.68, 0.6, "mud"),
)
GREY = (0.299, 0.587, 0.114)  # luma of red, green and blue
SNOW_ANGLES = (-135, -45)  # degrees
WATER = (175 / 255, 238 / 255, 238 / 255)
MUD = (63 / 255, 42 / 255, 20 / 255)
MUD_THRESHOLD = 0.8
WATER_REACH = 20  # pixels
WATER_RELIEF = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))  # light from the upper left
FROST_SIDE = 256  # side of a texture, from which windows are cut
FROST_TINT = (0.84, 0.93, 1.0)
FROST_GERMS = 0.006  # share of pixels from which crystals grow
FROST_ARMS = (10, 6)  # radius and sigma of a crystal's arm
FROST_DECAY = 1.2  # decay of the haze's wobble


def grey(x: Images) -> Images:
    """Computes luma (N, 1, H, W)."""
    return np.tensordot(np.array(GREY, x.dtype), x, (0, 1))[:, None]


def snow(x: Images, c: tuple, rng: np.random.Generator) -> Images:
    """Adds flakes that are blown in two opposite directions to a paler image."""
    mean, spread, zoom, threshold, radius, sigma, share = c
    flakes = rng.normal(mean, spread, (len(x), 1, *x.shape[2:])).astype(x.dtype)
    flakes = zoomed(flakes, zoom)
    flakes = np.where(flakes < threshold, 0, flakes)
    angles = rng.uniform(*SNOW_ANGLES, len(x))
    flakes = rounded_to_8_bits(ray_blurred(rounded_to_8_bits(flakes), radius, sigma, angles))
    pale = np.maximum(x, grey(x) * 1.5 + 0.5)
    return share * x + (1 - share) * pale + flakes + flakes[:, :, ::-1, ::-1]


def frost(x: Images, c: tuple[float, float], rng: np.random.Generator) -> Images:
    """Adds a window of a texture of ice crystals to the darkened image."""
    texture = frost_texture(rng)
    count, side = len(x), x.shape[-1]
    rows, columns = rng.integers(0, FROST_SIDE - side, (2, count, 1, 1))
    rows, columns = rows + np.arange(side)[:, None], columns + np.arange(side)
    ice = texture[:, rows, columns].transpose(1, 0, 2, 3)
    return c[0] * x + c[1] * ice


def frost_texture(rng: np.random.Generator) -> Images:
    """Draws a texture of ice crystals (3, 256, 256): six-armed stars over a haze, in pale blue."""
    germs = (rng.random((1, 1, FROST_SIDE, FROST_SIDE)) < FROST_GERMS).astype(np.float32)
    arms = ray_blurred(germs.repeat(6, 0), *FROST_ARMS, np.arange(0, 360, 60) + rng.uniform(0, 60))
    crystals = np.minimum(arms.sum((0, 1)) / np.quantile(arms.sum((0, 1)), 0.98), 1)
    haze = plasma(1, FROST_SIDE, FROST_DECAY, rng)[0].astype(np.float32)
    ice = 0.6 * haze + 0.7 * crystals
    return np.clip(ice * _colour(FROST_TINT), 0, 1)


def fog(x: Images, c: tuple[float, float], rng: np.random.Generator) -> Images:
    """Adds a fractal cloud; no value exceeds the brightest one of the original image."""
    density, decay = c
    cloud = plasma(len(x), x.shape[-1], decay, rng)[:, None].astype(x.dtype)
    brightest = x.max((1, 2, 3), keepdims=True)
    return (x + density * cloud) * brightest / (brightest + density)


def plasma(count: int, side: int, decay: float, rng: np.random.Generator) -> NDArray:
    """Draws fractal height maps (count, side, side) from 0 to 1 by the diamond-square algorithm.

    The side is a power of two and the maps are periodic. Each halving of the step divides the
    wobble by the square of `decay`, as in the original.
    """
    height = np.zeros((count, side, side))
    step, wobble = side, 1.0

    def mean(*neighbours: NDArray) -> NDArray:
        noise = rng.uniform(-wobble, wobble, neighbours[0].shape)
        return sum(neighbours) / len(neighbours) + noise

    while step > 1:
        half = step // 2
        corners = height[:, ::step, ::step]
        below = np.roll(corners, -1, 1)
        beside, across = np.roll(corners, -1, 2), np.roll(below, -1, 2)
        centres = mean(corners, below, beside, across)
        height[:, half::step, half::step] = centres
        height[:, ::step, half::step] = mean(corners, beside, centres, np.roll(centres, 1, 1))
        height[:, half::step, ::step] = mean(corners, below, centres, np.roll(centres, 1, 2))
        step, wobble = half, wobble / decay**2
    height -= height.min((1, 2), keepdims=True)
    return height / height.max((1, 2), keepdims=True)


def spatter(x: Images, c: tuple, rng: np.random.Generator) -> Images:
    """Adds drops of water or splashes of mud where smooth noise is above a threshold."""
    mean, spread, sigma, threshold, strength, kind = c
    liquid = rng.normal(mean, spread, (len(x), 1, *x.shape[2:])).astype(x.dtype)
    liquid = smoothed(liquid, sigma)
    liquid = np.where(liquid < threshold, 0, liquid)
    if kind == "mud":
        mask = smoothed((liquid > threshold).astype(x.dtype), strength)
        mask = np.where(mask < MUD_THRESHOLD, 0, mask)
        return x * (1 - mask) + mask * _colour(MUD)
    relief = liquid * _relief(liquid)
    top = relief.max((1, 2, 3), keepdims=True)
    return x + strength * relief / np.where(top > 0, top, 1) * _colour(WATER)


def _relief(liquid: Images) -> Images:
    """Returns the brightness of drops under light from one side, (N, 1, H, W)."""
    wet = (liquid > 0)[:, 0]
    inside = ndimage.binary_erosion(wet, np.ones((1, 3, 3)), border_value=1)
    edge = wet & ~inside
    # The large sampling distance along the first axis keeps the images separate.
    distance = ndimage.distance_transform_edt(~edge, sampling=(2 * WATER_REACH, 1, 1))
    distance = np.minimum(distance, WATER_REACH)
    height = _equalized(np.floor(_boxed(distance)).astype(int))
    light = ndimage.correlate(height, np.array(WATER_RELIEF)[None], mode="mirror")
    return _boxed(np.clip(light, 0, 255))[:, None].astype(np.float32)


def _boxed(maps: NDArray) -> NDArray:
    return ndimage.uniform_filter(maps.astype(float), (0, 3, 3), mode="mirror")


def _equalized(maps: NDArray) -> NDArray:
    """Spreads each map's values 0..20 over 0..255 so that every brightness is equally frequent."""
    counts = np.stack([(maps == value).sum((1, 2)) for value in range(WATER_REACH + 1)], 1)
    lowest = np.take_along_axis(counts, (counts > 0).argmax(1)[:, None], 1)
    rank = (counts.cumsum(1) - lowest) / np.maximum(maps[0].size - lowest, 1)
    return np.take_along_axis(255 * rank, maps.reshape(len(maps), -1), 1).reshape(maps.shape)


def _colour(rgb: tuple[float, ...]) -> Images:
    return np.array(rgb, np.float32)[:, None, None]


WEATHER = {
    "snow": (snow, SNOW),
    "frost": (frost, FROST),
    "fog": (fog, FOG),
    "spatter": (spatter, SPATTER),
}
