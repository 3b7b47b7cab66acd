"""Noise: its mean, its variance and the pixels that it changes."""

import numpy as np
import pytest

from scaling.data.corruptions import noise as corrupt_noise
from scaling.data.corruptions.noise import NOISES

RNG = np.random.default_rng
GREY = np.full((20, 3, 32, 32), 0.5, np.float32)  # 61 440 values


@pytest.mark.parametrize("severity", range(5))
@pytest.mark.parametrize("level", [0.2, 0.5])
def test_noise_has_its_variance_and_no_bias(severity, level):
    x = np.full_like(GREY, level)
    sigma, photons = corrupt_noise.GAUSSIAN_NOISE[severity], corrupt_noise.SHOT_NOISE[severity]
    variances = {
        "gaussian_noise": sigma**2,
        "shot_noise": level / photons,
        "speckle_noise": (level * corrupt_noise.SPECKLE_NOISE[severity]) ** 2,
    }
    for name, variance in variances.items():
        function, constants = NOISES[name]
        noise = function(x, constants[severity], RNG(0)) - level
        assert noise.var() == pytest.approx(variance, rel=0.03)  # five standard errors
        assert abs(noise.mean()) < 5 * np.sqrt(variance / noise.size)


def test_shot_noise_counts_photons():
    counts = 50 * corrupt_noise.shot_noise(GREY, 50, RNG(0))
    np.testing.assert_allclose(counts, counts.round(), atol=1e-4)


@pytest.mark.parametrize("share", corrupt_noise.IMPULSE_NOISE)
def test_impulses_hit_their_share_of_pixels_half_black_half_white(share):
    hit = corrupt_noise.impulse_noise(GREY, share, RNG(0))
    assert set(np.unique(hit)) == {0, 0.5, 1}
    error = 5 * np.sqrt(share / GREY.size)
    assert (hit != 0.5).mean() == pytest.approx(share, abs=error)
    assert (hit == 1).mean() == pytest.approx(share / 2, abs=error)


def test_colours_are_hit_independently():
    x = corrupt_noise.gaussian_noise(GREY, 0.1, RNG(0)).transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(np.corrcoef(x), np.eye(3), atol=0.04)
