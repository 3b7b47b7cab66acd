"""EDM compared with closed forms for Gaussian data, and with reference values."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scaling.models import edm
from scaling.models.edm import Denoiser, heun_sample, image_noise, sample
from scaling.models.unet import UNet
from scaling.trial import DiffusionTrial

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "edm.npz")
# spec: the noise levels of 18 steps
SIGMAS = [80, 57.585985, 40.785574, 28.374585, 19.352453, 12.910082, 8.400935, 5.315195, 3.256822]
SIGMAS += [1.92334, 1.088171, 0.585348, 0.296442, 0.139516, 0.059947, 0.022935, 0.007528, 0.002, 0]


class Affine(nn.Module):
    """A network F(u, c_noise) = a u + b that records its inputs."""

    def __init__(self, a=0.0, b=0.0):
        super().__init__()
        self.a, self.b, self.calls = a, b, []

    def forward(self, x, c_noise):
        self.calls.append((x, c_noise))
        return self.a * x + self.b


def gaussian(std, mean=0.0):
    """Returns the exact denoiser of data N(mean, std^2)."""
    return lambda x, sigma: (std**2 * x + sigma**2 * mean) / (std**2 + sigma**2)


def end(std, steps, **options):
    """Returns the end of the path from x = 1 at sigma = 80 for data N(0, std^2)."""
    start = torch.ones(1, dtype=torch.float64)
    return heun_sample(gaussian(std), start, steps, **options).item()


def test_samples_equal_the_reference_implementation():
    denoiser = gaussian(REFERENCE["edm_data_std"].item(), REFERENCE["edm_data_mean"].item())
    samples = heun_sample(denoiser, torch.tensor(REFERENCE["edm_latents"]))
    np.testing.assert_allclose(samples, REFERENCE["edm_samples"], atol=1e-6)


def test_the_noise_levels_are_those_of_the_paper():
    np.testing.assert_allclose(edm.sigmas(), SIGMAS, atol=6e-7)
    assert edm.sigmas(5, 0.1, 7.0, 3.0)[[0, 4, 5]].tolist() == pytest.approx([7.0, 0.1, 0.0])


@pytest.mark.parametrize(
    "std, heun_18, heun_40, exact",
    [
        (0.5, 0.52762464, 0.50487686, 0.49999023),
        (1.0, 1.04472884, 1.00790111, 0.99992188),
        (0.1, 0.10901707, 0.10155116, 0.09999992),
    ],
)
def test_the_end_of_a_path_for_gaussian_data_is_the_closed_form(std, heun_18, heun_40, exact):
    assert end(std, 18) == pytest.approx(heun_18, abs=1e-8)
    assert end(std, 40) == pytest.approx(heun_40, abs=1e-8)
    assert 80 * std / math.hypot(std, 80) == pytest.approx(exact, abs=1e-8)
    assert end(std, 2000) == pytest.approx(exact, rel=1e-3)


def test_the_sampler_is_of_second_order():
    exact = 80 * 0.5 / math.hypot(0.5, 80)
    # with a tiny sigma_min the error of the last step to 0 does not matter
    errors = [abs(end(0.5, steps, sigma_min=1e-5) - exact) for steps in (100, 200, 400)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.08)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.04)


@pytest.mark.parametrize("steps", [1, 2, 18])
def test_each_step_evaluates_the_network_twice_and_the_last_one_once(steps):
    seen = []

    def denoiser(x, sigma):
        assert x.dtype == torch.float64 and sigma.ndim == 0
        seen.append(sigma.item())
        return torch.zeros_like(x)

    heun_sample(denoiser, torch.zeros(1, 1, 2, 2), steps)
    levels = edm.sigmas(steps).tolist()
    assert seen == [levels[0], *np.repeat(levels[1:-1], 2)]
    assert len(seen) == 2 * steps - 1


def test_samples_of_data_at_two_points_are_these_points():
    noise = image_noise(range(400), (1, 2, 2))
    # E[x0 | x] where all pixels of x0 are 0.8 or all are -0.8
    mean = heun_sample(
        lambda x, s: (x.sum((1, 2, 3), keepdim=True) * 0.8 / s**2).tanh().expand_as(x) * 0.8, noise
    )
    torch.testing.assert_close(mean.abs(), torch.full_like(mean, 0.8))
    assert torch.equal(mean > 0, (noise.sum((1, 2, 3), keepdim=True) > 0).expand_as(mean))


@pytest.mark.parametrize("sigma", [0.002, 0.1, 0.5, 3.0, 80.0])
def test_the_network_sees_and_learns_unit_variance(sigma):
    network = Affine(1.0)
    denoiser = Denoiser(network)
    x = torch.ones(1, 1, 1, 1)
    both = denoiser(x, torch.tensor(sigma)).item()
    c_in = network.calls[0][0].item()
    network.a = 0.0
    c_skip = denoiser(x, torch.tensor(sigma)).item()
    c_out = (both - c_skip) / c_in
    assert c_in**2 * (sigma**2 + 0.5**2) == pytest.approx(1, rel=1e-5)
    target = ((1 - c_skip) ** 2 * 0.5**2 + c_skip**2 * sigma**2) / c_out**2
    assert target == pytest.approx(1, rel=1e-3)
    assert network.calls[0][1].tolist() == pytest.approx([math.log(sigma) / 4])


@pytest.mark.parametrize("std", [0.5, 0.2, 2.0])
@pytest.mark.parametrize("sigma", [0.01, 0.3, 1.0, 20.0])
def test_the_optimal_network_gives_the_exact_denoiser(std, sigma):
    # F* = (D* - c_skip x) / c_out as a multiple of u = c_in x
    denoiser = Denoiser(Affine(2 * sigma * (std**2 - 0.25) / (std**2 + sigma**2)))
    x = torch.randn(3, 1, 4, 4)
    expected = gaussian(std)(x, sigma)
    torch.testing.assert_close(denoiser(x, torch.tensor(sigma)), expected, rtol=1e-4, atol=1e-5)


def test_every_image_has_its_own_noise_level():
    denoiser, x = Denoiser(Affine(0.7, 0.1)), torch.randn(3, 1, 4, 4)
    levels = torch.tensor([0.1, 1.0, 10.0])
    apart = [denoiser(x[i : i + 1], levels[i]) for i in range(3)]
    torch.testing.assert_close(denoiser(x, levels), torch.cat(apart))


def mean_loss(a, b, images=20_000):
    """Returns the loss on data N(0, sigma_data^2), whose optimal network is F = 0."""
    torch.manual_seed(0)
    network = Affine(a, b)
    losses = edm.loss(Denoiser(network), 0.5 * torch.randn(images, 1, 2, 2))
    assert losses.shape == (images,)
    return losses.mean().item(), network.calls[0][1] * 4


@pytest.mark.parametrize("a, b", [(0.0, 0.0), (0.3, 0.0), (0.0, -0.5), (-0.4, 0.2)])
def test_the_loss_is_smallest_for_the_true_denoiser(a, b):
    # E (a u + b - F*)^2 = a^2 + b^2 + 1: u and F* have unit variance and are uncorrelated
    value, log_sigma = mean_loss(a, b)
    assert value == pytest.approx(1 + a**2 + b**2, rel=0.02)
    assert log_sigma.mean().item() == pytest.approx(-1.2, abs=0.03)
    assert log_sigma.std().item() == pytest.approx(1.2, abs=0.03)


def test_the_half_life_of_the_average_grows_to_its_length():
    assert edm.ema_half_life(500_000, 0) == 0
    assert edm.ema_half_life(500_000, 1_000_000) == 50_000
    assert edm.ema_half_life(500_000, 10_000_000) == 500_000
    assert edm.ema_half_life(500_000, 200_000_000) == 500_000


def test_after_a_half_life_half_of_the_average_is_left():
    average, model = nn.Linear(1, 1).double(), nn.Linear(1, 1).double()
    nn.init.constant_(average.weight, 3.0)
    nn.init.constant_(model.weight, 1.0)
    for _ in range(7):
        edm.update_average([*average.parameters()], [*model.parameters()], 10, 70.0)
    assert average.weight.item() == pytest.approx(2.0, rel=1e-12)
    edm.update_average([*average.parameters()], [*model.parameters()], 10, 0.0)
    assert torch.equal(average.weight, model.weight)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_levels_become_floats_and_the_same_levels_again(levels):
    x = torch.arange(levels, dtype=torch.uint8)
    floats = edm.from_levels(x, levels)
    assert (floats[0].item(), floats[-1].item()) == (-1.0, 1.0)
    assert torch.equal(edm.quantize(floats, levels), x)
    step = 2 / (levels - 1)
    assert torch.equal(edm.quantize(floats + 0.49 * step, levels), x)
    assert torch.equal(edm.quantize(floats.double() - 0.49 * step, levels), x)
    outside = edm.quantize(torch.tensor([-9.0, 9.0]), levels)
    assert outside.tolist() == [0, levels - 1] and outside.dtype == torch.uint8


def test_the_usual_levels_are_rounded_as_published():
    x = torch.linspace(-1.1, 1.1, 1000, dtype=torch.float64)
    expected = np.floor(np.clip(127.5 * x.numpy() + 128, 0, 255))
    assert edm.quantize(x, 256).tolist() == expected.tolist()
    assert edm.quantize(x, 2).tolist() == (x >= 0).int().tolist()


def test_the_noise_of_an_image_depends_on_its_seed_alone():
    noise = image_noise([5, 6, 5 + 2**32], (3, 4, 4))
    expected = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(6))
    assert torch.equal(noise[1], expected)
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])


@pytest.fixture(scope="module")
def denoiser():
    """Makes a small network with weights as after some training."""
    torch.manual_seed(0)
    model = edm.build(DiffusionTrial("digits", channels=8, multipliers=(1, 2), blocks=1), 1, 8)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return model.eval()


def test_a_sample_does_not_depend_on_others_in_its_batch(denoiser):
    shape, before = (1, 8, 8), torch.random.get_rng_state()
    together = sample(denoiser, range(20), shape, 256)
    assert together.shape == (20, 1, 8, 8) and together.dtype == np.uint8
    assert together.std() > 10
    for other in (
        sample(denoiser, range(20), shape, 256, batch=7),
        sample(denoiser, range(19, -1, -1), shape, 256)[::-1],
        np.concatenate([sample(denoiser, [seed], shape, 256) for seed in range(6)]),
    ):
        same = together[: len(other)]
        assert np.abs(same.astype(int) - other).max() <= 1
        assert (same != other).mean() < 2e-3
    assert (sample(denoiser, range(100, 120), shape, 256) != together).mean() > 0.5
    assert (sample(denoiser, range(20), shape, 256) == together).all()
    assert torch.equal(before, torch.random.get_rng_state())


def test_no_seeds_give_no_images(denoiser):
    assert sample(denoiser, [], (1, 8, 8), 17).shape == (0, 1, 8, 8)


def test_a_trials_fields_determine_its_network():
    with torch.device("meta"):
        denoiser = edm.build(DiffusionTrial("cifar10"), 3, 32)
    assert isinstance(denoiser.network, UNet)
    assert sum(p.numel() for p in denoiser.parameters()) == 55_732_739
    small = edm.build(DiffusionTrial("mnist", channels=8, dropout=0.4, attention=()), 1, 16)
    assert {m.p for m in small.modules() if isinstance(m, nn.Dropout)} == {0.4}
