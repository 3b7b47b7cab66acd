"""Mixtures of logistics: other implementations, sums over levels, the slow obvious way."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from scaling.models.likelihoods import quantize
from scaling.models.mixtures import CHANNEL_ALPHA, MixtureOfLogistics, PerChannelMixture

REFERENCE = Path(__file__).parents[1] / "reference" / "likelihoods.npz"
RTOL = {torch.float64: 1e-5, torch.float32: 1e-4}


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", ["mol_rgb", "mol_grey", "mol_sharp_rgb", "mol_sharp_grey"])
def test_mixture_equals_other_implementations(name, dtype):
    reference = np.load(REFERENCE)
    x = torch.tensor(reference[f"{name}_x"])
    params = torch.tensor(reference[f"{name}_params"], dtype=dtype)
    log_prob = MixtureOfLogistics(params, x.shape[1]).log_prob(x)
    expected = torch.tensor(reference[f"{name}_logp"])
    torch.testing.assert_close(log_prob.double(), expected, rtol=RTOL[dtype], atol=0)


def random_case(channels, width, seed):
    x = np.random.default_rng(seed).integers(0, 256, (2, channels, 4, 4))
    params = np.random.default_rng(seed + 1).standard_normal((2, width, 4, 4))
    return torch.tensor(x), torch.tensor(params)


@pytest.mark.parametrize(
    ("form", "channels", "width", "seed", "expected"),
    [
        (MixtureOfLogistics, 3, 100, 0, [-313.191785, -310.118020]),
        (MixtureOfLogistics, 1, 30, 2, [-107.235213, -103.667192]),
        (PerChannelMixture, 3, 100, 0, [-343.680267, -344.669922]),
    ],
)
def test_mixture_equals_published_constants(form, channels, width, seed, expected):
    x, params = random_case(channels, width, seed)
    log_prob = form(params, channels).log_prob(x)
    torch.testing.assert_close(log_prob, torch.tensor(expected).double(), rtol=1e-6, atol=0)


def test_the_mean_of_the_first_pixel_equals_a_recorded_value():
    _, params = random_case(3, 100, 0)
    first = MixtureOfLogistics(params, 3).mean[0, :, 0, 0] * 2 - 1
    expected = torch.tensor([-0.344627, 0.384116, -0.037646]).double()
    torch.testing.assert_close(first, expected, rtol=0, atol=1e-6)


def test_zero_parameters_at_mid_grey_have_the_closed_form():
    x = torch.full((1, 3, 4, 4), 128)
    log_prob = MixtureOfLogistics(torch.zeros(1, 100, 4, 4).double(), 3).log_prob(x)
    bits_per_dim = -log_prob / (48 * np.log(2))
    assert bits_per_dim.item() == pytest.approx(8.994361, abs=1e-6)


@pytest.mark.parametrize("form", [MixtureOfLogistics, PerChannelMixture])
@pytest.mark.parametrize("scale", [0.3, 3.0])
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_grey_mixture_sums_to_one(form, scale, levels):
    params = scale * torch.randn(1, 15, 1, 1, generator=generator()).double()
    every = torch.arange(levels).view(levels, 1, 1, 1)
    log_prob = form(params.expand(levels, -1, -1, -1), 1, levels).log_prob(every)
    assert torch.logsumexp(log_prob, 0).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_rgb_mixture_sums_to_one(scale):
    levels = 6
    every = torch.tensor(list(itertools.product(range(levels), repeat=3))).view(-1, 3, 1, 1)
    params = scale * torch.randn(1, 40, 1, 1, generator=generator()).double()
    log_prob = MixtureOfLogistics(params.expand(len(every), -1, -1, -1), 3, levels).log_prob(every)
    assert torch.logsumexp(log_prob, 0).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("log_scale", [-1e30, -20.0, -7.0, 0.0, 20.0, 81.0, 98.0, 110.0, 1e30])
@pytest.mark.parametrize("logit", [0.0, 1e3])
@pytest.mark.parametrize("form", [MixtureOfLogistics, PerChannelMixture])
def test_mixture_is_finite_at_extremes(form, levels, channels, log_scale, logit):
    k = 4
    width = MixtureOfLogistics.width(channels, k)
    params = torch.randn(8, width, 3, 3, generator=generator())
    params[:, :k] = logit * params[:, :k].sign()
    params[:, k:].view(8, channels, -1, k, 3, 3)[:, :, 1] = log_scale
    params.requires_grad_()
    x = torch.randint(0, levels, (8, channels, 3, 3), generator=generator())
    mixture = form(params, channels, levels)
    log_prob = mixture.log_prob(x)
    (gradient,) = torch.autograd.grad(log_prob.sum(), params)
    assert log_prob.isfinite().all()
    assert gradient.isfinite().all()
    assert mixture.sample().isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("mean", [0.3, 1e30])
def test_a_wide_component_has_the_mass_of_its_density(dtype, mean):
    levels = 17
    log_scale = torch.cat([torch.arange(20.0, 130, 0.5), torch.tensor([300.0, 5e4])])
    params = torch.stack([torch.zeros_like(log_scale), mean + 0 * log_scale, log_scale], 1)
    params = params[:, :, None, None].expand(-1, -1, 1, levels).to(dtype).requires_grad_()
    x = torch.arange(levels).expand(len(params), 1, 1, -1)
    found = MixtureOfLogistics(params, 1, levels).log_prob(x)
    wide = params.detach().double().requires_grad_()
    scale = torch.exp(-wide[:, 2])
    z = (2 * x[:, 0] / (levels - 1) - 1 - wide[:, 1]) * scale
    density = F.logsigmoid(z) + F.logsigmoid(-z) - wide[:, 2] + math.log(2 / (levels - 1))
    edge = scale / (levels - 1)
    density = torch.where(x[:, 0] == 0, F.logsigmoid(z + edge), density)
    density = torch.where(x[:, 0] == levels - 1, F.logsigmoid(edge - z), density).sum((1, 2))
    torch.testing.assert_close(found.double(), density, rtol=1e-5, atol=0)
    slopes = [
        torch.autograd.grad(y.sum(), p)[0].double() for y, p in ((found, params), (density, wide))
    ]
    torch.testing.assert_close(*slopes, rtol=1e-2 if dtype == torch.bfloat16 else 1e-4, atol=1e-7)


def test_a_wide_component_of_a_colour_leaves_the_uniform_mass():
    levels, log_scale = 17, torch.tensor([1.0, 60.0, 200.0])
    params = torch.stack([0 * log_scale, 0.3 + 0 * log_scale, log_scale], 1)[:, :, None, None]
    inside = torch.full((3, 1, 1, 1), 5)
    log_prob = PerChannelMixture(params.requires_grad_(), 1, levels).log_prob(inside)
    (gradient,) = torch.autograd.grad(log_prob.sum(), params)
    assert log_prob[1:].tolist() == pytest.approx([math.log(CHANNEL_ALPHA / levels)] * 2)
    assert gradient[0, 2, 0, 0] < -0.5
    assert gradient[1:, 2].abs().max() < 1e-12


@pytest.mark.parametrize("channels", [1, 3])
def test_mixture_gradient_equals_finite_differences(channels):
    width = MixtureOfLogistics.width(channels, 2)
    params = torch.randn(1, width, 2, 2, generator=generator()).double().requires_grad_()
    x = torch.tensor([0, 3, 8, 16]).view(1, 1, 2, 2).expand(1, channels, 2, 2)
    assert torch.autograd.gradcheck(
        lambda p: MixtureOfLogistics(p, channels, 17).log_prob(x), params
    )


@pytest.mark.parametrize("form", [MixtureOfLogistics, PerChannelMixture])
@pytest.mark.parametrize(("channels", "levels"), [(1, 17), (3, 4)])
def test_samples_follow_the_log_prob(form, channels, levels):
    draws, k = 40_000, 3
    params = torch.randn(1, form.width(channels, k), 1, 1, generator=generator())
    if channels == 3:  # earlier colours of a sample are not rounded before later ones are drawn
        params[:, k:].view(1, 3, 3, k, 1, 1)[:, :, 2] = 0
    one = form(params.expand(draws, -1, -1, -1), channels, levels)
    torch.manual_seed(0)
    drawn = quantize(one.sample(), levels).long().flatten(1)
    places = (drawn * levels ** torch.arange(channels)).sum(1)
    counts = torch.bincount(places, minlength=levels**channels) / draws
    every = torch.tensor(list(itertools.product(range(levels), repeat=channels))).flip(1)
    images = every.view(-1, channels, 1, 1)
    p = form(params.expand(len(every), -1, -1, -1), channels, levels).log_prob(images).exp()
    assert (counts - p).abs().max() < 5 * (0.25 / draws) ** 0.5


def test_the_mean_of_each_channel_is_that_of_samples():
    params = torch.randn(1, 30, 1, 1, generator=generator())
    rest = params[:, 3:].view(1, 3, 3, 3, 1, 1)
    rest[:, :, 0] = 0.3 + 0.1 * rest[:, :, 0]  # all means are within [0, 1], so nothing is clamped
    rest[:, :, 1] = -5.0
    rest[:, :, 2] *= 0.3
    many = PerChannelMixture(params.expand(40_000, -1, -1, -1), 3)
    torch.manual_seed(0)
    torch.testing.assert_close(many.sample().mean(0), many.mean[0], rtol=0, atol=4e-3)


def test_the_mean_of_a_channel_has_the_share_of_the_uniform_mass():
    params = torch.tensor([0.0, 0.9, -7.0], dtype=torch.float64).view(1, 3, 1, 1)
    mean = PerChannelMixture(params, 1).mean.item()
    assert mean == pytest.approx(0.9 + CHANNEL_ALPHA * (0.5 - 0.9), abs=1e-12)


def test_rgb_sample_mean_is_the_mean():
    params = torch.randn(1, 30, 1, 1, generator=generator())
    params[:, 3:].view(1, 3, 3, 3, 1, 1)[:, :, 1] = -4.0  # narrow mixtures: nothing is clamped
    params[:, 3:].view(1, 3, 3, 3, 1, 1)[:, :, 0] *= 0.2
    many = MixtureOfLogistics(params.expand(20_000, -1, -1, -1), 3)
    torch.manual_seed(0)
    torch.testing.assert_close(many.sample().mean(0), many.mean[0], rtol=0, atol=5e-3)


def test_a_width_that_is_no_mixture_is_refused():
    with pytest.raises(ValueError, match="no mixture"):
        MixtureOfLogistics(torch.zeros(1, 31, 2, 2), 1)


@pytest.mark.parametrize("form", [MixtureOfLogistics, PerChannelMixture])
def test_the_mass_of_every_level_is_the_difference_of_two_sigmoids(form):
    """The formula for grey images is evaluated in float64, level by level."""
    levels, k = 9, 2
    params = torch.randn(1, 3 * k, 1, 1, generator=generator()).double()
    logits, means, scales = params.flatten().view(3, k)
    weights, scales = logits.softmax(0), scales.clamp(min=-7).exp()
    low, span = (-1, 2) if form is MixtureOfLogistics else (0, 1)
    for level in range(levels):
        centre, half = low + span * level / (levels - 1), span / (2 * (levels - 1))
        upper = torch.sigmoid((centre + half - means) / scales) if level < levels - 1 else 1.0
        lower = torch.sigmoid((centre - half - means) / scales) if level else 0.0
        mass = (weights * (upper - lower)).sum()
        if form is PerChannelMixture:
            mass = (1 - CHANNEL_ALPHA) * mass + CHANNEL_ALPHA / levels
        x = torch.full((1, 1, 1, 1), level)
        assert form(params, 1, levels).log_prob(x).item() == pytest.approx(mass.log().item())


@pytest.mark.parametrize("form", [MixtureOfLogistics, PerChannelMixture])
def test_pixels_add_up_and_samples_lie_in_the_images_range(form):
    params = 3 * torch.randn(4, form.width(3, 2), 3, 5, generator=generator()).double()
    p = form(params, 3)
    x = torch.randint(0, 256, (4, 3, 3, 5), generator=generator())
    pixels = [
        form(params[:, :, i : i + 1, j : j + 1], 3).log_prob(x[:, :, i : i + 1, j : j + 1])
        for i in range(3)
        for j in range(5)
    ]
    torch.testing.assert_close(p.log_prob(x), torch.stack(pixels).sum(0))
    torch.manual_seed(0)
    for image in (p.sample(), p.mean):
        assert image.shape == x.shape and 0 <= image.min() and image.max() <= 1


def generator():
    return torch.Generator().manual_seed(5)
