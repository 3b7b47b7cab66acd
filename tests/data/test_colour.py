"""The colour map compared with its steps, and with properties of hue and saturation."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scaling.data import colour

AXIS = np.ones(3) / math.sqrt(3)
ZERO = torch.zeros(1, dtype=torch.float64)


def images(channels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, 4, 5, generator=generator, dtype=torch.float64)


def changed(x, brightness=0.0, contrast=0.0, hue=0.0, saturation=0.0):
    """Returns the changed images on the scale [-1, 1] of the steps."""
    a, b, c = (torch.tensor([value]).double() for value in (contrast, hue, saturation))
    matrix = colour.matrix(a, b, c, x.shape[1]).double()
    return 2 * colour.coloured(x, matrix, torch.tensor([brightness]).double()) - 1


def step_by_step(x, brightness=0.0, contrast=0.0, hue=0.0, saturation=0.0):
    """Changes one pixel after another: adds, multiplies, rotates, stretches off the grey axis."""
    x = 2 * x.numpy() - 1
    out = np.empty_like(x)
    for n, _, h, w in np.ndindex(len(x), 1, *x.shape[2:]):
        pixel = (x[n, :, h, w] + brightness) * 2**contrast
        if len(pixel) == 3:
            pixel = Rotation.from_rotvec(hue * AXIS).apply(pixel)
            grey = pixel.mean()
            pixel = grey + (pixel - grey) * 2**saturation
        out[n, :, h, w] = pixel
    return out


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strengths", [
    {"brightness": 0.3}, {"contrast": -0.7}, {"hue": 0.6}, {"hue": -3.0}, {"saturation": 0.8},
    {"brightness": -0.2, "contrast": 0.4, "hue": 1.1, "saturation": -0.5},
])  # fmt: skip
def test_the_colour_map_equals_its_steps_pixel_by_pixel(channels, strengths):
    x = images(channels)
    np.testing.assert_allclose(
        changed(x, **strengths).numpy(), step_by_step(x, **strengths), atol=1e-6
    )


def test_contrast_comes_after_brightness():
    mid_grey = torch.full((1, 3, 1, 1), 0.5, dtype=torch.float64)
    both = changed(mid_grey, brightness=0.25, contrast=1.0)
    torch.testing.assert_close(both, torch.full_like(both, 0.5))


def test_a_third_of_a_turn_permutes_the_colours():
    x = images(3)
    turned = changed(x, hue=2 * math.pi / 3)
    torch.testing.assert_close(turned, (2 * x - 1)[:, [2, 0, 1]], atol=1e-6, rtol=0)


@pytest.mark.parametrize("hue", [0.3, -1.9])
def test_hue_keeps_luma_and_norm(hue):
    x = images(3)
    turned, before = changed(x, hue=hue), 2 * x - 1
    torch.testing.assert_close(turned.mean(1), before.mean(1), atol=1e-6, rtol=0)
    torch.testing.assert_close(turned.norm(dim=1), before.norm(dim=1), atol=1e-6, rtol=0)
    assert (turned - before).abs().max() > 0.05


def test_saturation_keeps_luma_and_zero_saturation_is_grey():
    x = images(3)
    luma = (2 * x - 1).mean(1, keepdim=True)
    torch.testing.assert_close(
        changed(x, saturation=0.7).mean(1, keepdim=True), luma, atol=1e-6, rtol=0
    )
    grey = changed(x, saturation=-60.0)
    torch.testing.assert_close(grey, luma.expand_as(grey), atol=1e-6, rtol=0)


def test_grey_has_neither_hue_nor_saturation():
    x = images(1)
    torch.testing.assert_close(changed(x, hue=1.0, saturation=0.5), 2 * x - 1)


def test_every_image_has_its_own_map():
    x = torch.cat([images(3, seed) for seed in range(3)])
    contrast, hue, saturation = torch.tensor([[0.5, 0, -0.2], [0, 1, 2.0], [0.1, 0, 0.3]]).double()
    brightness = torch.tensor([0.1, -0.1, 0.0]).double()
    matrix = colour.matrix(contrast, hue, saturation, 3).double()
    out = colour.coloured(x, matrix, brightness)
    for n in range(3):
        alone = colour.coloured(x[n : n + 1], matrix[n : n + 1], brightness[n : n + 1])
        torch.testing.assert_close(out[n : n + 1], alone)


def test_images_may_have_any_scale():
    x, brightness = images(3), torch.tensor([0.3]).double()
    a, b, c = torch.tensor([[0.4], [0.7], [-0.2]]).double()
    matrix = colour.matrix(a, b, c, 3).double()
    scaled = colour.coloured(255 * x, matrix, brightness, 255)
    torch.testing.assert_close(scaled, 255 * colour.coloured(x, matrix, brightness))
