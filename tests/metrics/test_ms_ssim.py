"""MS-SSIM: published values, a slow form over pixels, and its extreme values."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as published

from scaling.errors import UsageError
from scaling.metrics.ms_ssim import ms_ssim

GAPS = Path(__file__).parents[1] / "reference" / "gaps.npz"
VARIANTS = ("kuzina", "standard")


@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_values_equal_those_of_the_attacks_authors(kind):
    with np.load(GAPS) as values:
        x, y = torch.from_numpy(values[f"msssim_{kind}_x"]), values[f"msssim_{kind}_y"]
        expected = values[f"msssim_{kind}"]
    found = ms_ssim(x, torch.from_numpy(y))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("variant", "channels", "near", "far"),
    [
        ("kuzina", 1, 0.942210, 0.142282),
        ("kuzina", 3, 0.923418, 0.071342),
        ("standard", 1, 0.947893, 0.181408),
        ("standard", 3, 0.944914, 0.149296),
    ],
)
def test_values_on_noise_equal_recorded_ones(variant, channels, near, far):
    random = np.random.default_rng(0)
    shape = (1, channels, 32, 32)
    x = random.random(shape)
    y = np.clip(x + 0.1 * random.standard_normal(shape), 0, 1)
    z = random.random(shape)
    one, two, three = (torch.from_numpy(a).float() for a in (x, y, z))
    assert ms_ssim(one, two, variant).item() == pytest.approx(near, abs=5e-5)
    assert ms_ssim(one, three, variant).item() == pytest.approx(far, abs=5e-5)


@pytest.mark.parametrize("side", [161, 176, 181, 256])
@pytest.mark.parametrize("distortion", ["noise", "shift"])
def test_the_standard_form_equals_the_published_one_where_that_runs(side, distortion):
    torch.manual_seed(0)
    smooth = torch.rand(3, 3, 9, 9)
    x = torch.nn.functional.interpolate(smooth, size=(side, side), mode="bicubic").clamp(0, 1)
    noisy = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    y = noisy if distortion == "noise" else x.roll(5, 3)
    expected = published(x, y, data_range=1.0, size_average=False)
    torch.testing.assert_close(ms_ssim(x, y, "standard"), expected, rtol=0, atol=2e-5)


def over_pixels(x, y, last_in_every_factor, window, scales):
    """Computes a pair (C, H, W) at every position of the window, and averages."""
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    weights = weights / weights.sum()
    structures = []
    for _ in weights:
        size = min(window, x.shape[1])
        taps = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * 1.5**2))
        taps = np.outer(taps, taps) / taps.sum() ** 2
        both, structure = [], []
        for channel in range(len(x)):
            for i in range(x.shape[1] - size + 1):
                for j in range(x.shape[2] - size + 1):
                    a, b = (v[channel, i : i + size, j : j + size] for v in (x, y))
                    mean_a, mean_b = (taps * a).sum(), (taps * b).sum()
                    variance = (taps * ((a - mean_a) ** 2 + (b - mean_b) ** 2)).sum()
                    covariance = (taps * (a - mean_a) * (b - mean_b)).sum()
                    structure.append((2 * covariance + 9e-4) / (variance + 9e-4))
                    luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
                    both.append(luminance * structure[-1])
        structures.append(np.mean(structure))
        height = x.shape[1] // 2
        x, y = (v.reshape(-1, height, 2, height, 2).mean((2, 4)) for v in (x, y))
    times = len(weights) - 1 if last_in_every_factor else 1
    product = np.prod(np.maximum(structures[:-1], 0) ** weights[:-1])
    return product * max(np.mean(both), 0) ** (times * weights[-1])


@pytest.mark.parametrize(("side", "scales"), [(4, 2), (8, 3), (16, 4)])
@pytest.mark.parametrize(
    ("variant", "window", "channels"),
    [("kuzina", 14, 1), ("kuzina", 14, 3), ("standard", 11, 1), ("standard", 11, 3)],
)
def test_small_images_take_fewer_scales(side, scales, variant, window, channels):
    random = np.random.default_rng(3)
    x = random.random((2, channels, side, side))
    y = np.clip(x + 0.2 * random.standard_normal(x.shape), 0, 1)
    quirk = variant == "kuzina"
    expected = [over_pixels(a, b, quirk, window, scales) for a, b in zip(x, y, strict=True)]
    found = ms_ssim(torch.from_numpy(x), torch.from_numpy(y), variant)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    assert found.min() > 0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("side", [8, 12, 28, 32])
def test_equal_images_give_1_the_order_and_the_batch_do_not_matter(variant, side):
    torch.manual_seed(1)
    x, y = torch.rand(2, 5, 3, side, side).double()
    torch.testing.assert_close(ms_ssim(x, x, variant), torch.ones(5).double())
    torch.testing.assert_close(ms_ssim(x, y, variant), ms_ssim(y, x, variant))
    alone = torch.cat([ms_ssim(a[None], b[None], variant) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(ms_ssim(x, y, variant), alone)
    assert ((alone >= 0) & (alone < 0.9)).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_inverted_image_is_0_and_no_nan(variant):
    ramp = torch.linspace(0, 1, 32)
    x = torch.outer(ramp, ramp).expand(1, 3, 32, 32)
    assert ms_ssim(x, 1 - x, variant).item() == 0


def test_unknown_forms_and_tiny_images_are_refused():
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(UsageError, match="kuzina, standard"):
        ms_ssim(x, x, "fast")
    with pytest.raises(UsageError, match="2 pixels"):
        ms_ssim(x[..., :1], x[..., :1])
