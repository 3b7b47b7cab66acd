"""Implements the noise corruptions of CIFAR-10-C: Gaussian, shot, impulse and speckle.

Severities 1 to 5 are those of CIFAR-10-C (Hendrycks and Dietterich 2019; constants from
hendrycks/robustness, make_cifar_c.py, Apache-2.0).
"""

import numpy as np

from scaling.data.corruptions.resample import Images

GAUSSIAN_NOISE = (0.04, 0.06, 0.08, 0.09, 0.10)  # standard deviation
SHOT_NOISE = (500, 250, 100, 75, 50)  # photons of a white pixel
IMPULSE_NOISE = (0.01, 0.02, 0.03, 0.05, 0.07)  # share of replaced values
SPECKLE_NOISE = (0.06, 0.1, 0.12, 0.16, 0.2)  # standard deviation, relative to the value


def gaussian_noise(x: Images, sigma: float, rng: np.random.Generator) -> Images:
    """Returns x + sigma eps, eps ~ N(0, 1)."""
    return x + np.float32(sigma) * rng.standard_normal(x.shape, np.float32)


def shot_noise(x: Images, photons: float, rng: np.random.Generator) -> Images:
    """Draws Poisson(photons x) / photons, whose variance is x / photons."""
    return (rng.poisson(x * photons) / photons).astype(x.dtype)


def impulse_noise(x: Images, share: float, rng: np.random.Generator) -> Images:
    """Sets a share of the values, each colour separately, to 0 or 1 with equal probability."""
    hit = rng.random(x.shape, np.float32) < share
    return np.where(hit, rng.integers(0, 2, x.shape).astype(x.dtype), x)


def speckle_noise(x: Images, sigma: float, rng: np.random.Generator) -> Images:
    """Returns x + x sigma eps, eps ~ N(0, 1)."""
    return x + x * np.float32(sigma) * rng.standard_normal(x.shape, np.float32)


NOISES = {
    "gaussian_noise": (gaussian_noise, GAUSSIAN_NOISE),
    "shot_noise": (shot_noise, SHOT_NOISE),
    "impulse_noise": (impulse_noise, IMPULSE_NOISE),
    "speckle_noise": (speckle_noise, SPECKLE_NOISE),
}
