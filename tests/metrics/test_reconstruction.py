"""Pictures of reconstructions: rounded levels of the mean, of q's mean, of 16 images."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from scaling.metrics.reconstruction import measure
from scaling.models.vae import diagonal_normal

LEVELS = 17


class Mirror(torch.nn.Module):
    """A model that encodes an image as itself, with a large spread, and adds `shift`."""

    levels = LEVELS

    def __init__(self, shift):
        super().__init__()
        self.shift = shift

    def encode(self, x):
        mean = x.double() / (LEVELS - 1)
        return diagonal_normal(mean, torch.full_like(mean, 100.0))

    def decode(self, z):
        return SimpleNamespace(mean=z + self.shift)


@pytest.mark.parametrize(("shift", "by"), [(0.0, 0), (0.4 / 16, 0), (0.6 / 16, 1), (-0.6 / 16, -1)])
@pytest.mark.parametrize("count", [20, 16, 3])
def test_the_decoded_mean_of_q_is_rounded_to_levels(shift, by, count):
    images = np.random.default_rng(0).integers(0, LEVELS, (count, 1, 4, 4), np.uint8)
    found = measure(SimpleNamespace(test=torch.from_numpy(images), vae=Mirror(shift)))
    np.testing.assert_array_equal(found["test_images"], images[:16])
    expected = np.clip(images[:16].astype(int) + by, 0, LEVELS - 1)
    np.testing.assert_array_equal(found["reconstructions"], expected)
    assert {array.dtype for array in found.values()} == {np.dtype(np.uint8)}


def test_reconstructions_are_made_in_eval_mode_without_gradients():
    vae = Mirror(torch.nn.Parameter(torch.zeros(())))
    found = measure(SimpleNamespace(test=torch.zeros(2, 1, 4, 4, dtype=torch.uint8), vae=vae))
    assert not vae.training and found["reconstructions"].shape == (2, 1, 4, 4)
