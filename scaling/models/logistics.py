"""Computes the log-probability of a mixture of logistics, with its gradient in the same pass.

Under a logistic, a level of a colour has the mass sigmoid(a) - sigmoid(b), where a and b are its
upper and lower edge relative to the mean, in units of the scale. The lowest level has b = -inf, the
highest a = +inf. The logarithm is computed as log(1 - exp(b - a)) - softplus(-a) - softplus(b),
which avoids the difference of nearly equal numbers in the tails.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from scaling.models.compiled import Compiled
from scaling.trial.vae import values_per_component

LOG_SCALE_MIN = -7.0  # Salimans et al. 2017
# Beyond this log-scale a level's mass is proportional to 1 / scale, which float32 soon rounds to 0.
LOG_SCALE_WIDE = 80.0
INVERSE_WIDE = math.exp(-LOG_SCALE_WIDE)

# Compiling takes a process 2 to 24 s, which pays only for large images: digits with K = 5 have
# 320 elements, CIFAR-10 with K = 10 has 30,720. The rule depends only on the shape of one image, so
# that a resumed run, a last partial batch and a measurement are computed in the same way.
COMPILE_FROM = 5_000  # pixels x colours x components
EAGER_BYTES = 1 << 19  # parameters processed at a time on a CPU, so that results stay in its cache


def log_prob(params: Tensor, x: Tensor, levels: int) -> Tensor:
    """Returns the log-probability of levels x (B, C, H, W) under params (B, width, H, W).

    The result is in nats, (B,), and in float32 for parameters in bf16. It is differentiable once,
    and only by the parameters.
    """
    if torch.is_grad_enabled() and params.requires_grad:
        return _LogProb.apply(params, x, levels)
    function = _value if _is_compiled(params, x) else value
    return torch.cat([function(*part, levels) for part in _parts(params, x)])


class _LogProb(torch.autograd.Function):
    """Computes the gradient already in the forward pass, which has all intermediate results.

    The log-probability of an image depends only on the parameters of that image, so the backward
    pass multiplies the gradient by one factor per image.
    """

    @staticmethod
    def forward(ctx: Any, params: Tensor, x: Tensor, levels: int) -> Tensor:
        function = _value_and_gradient if _is_compiled(params, x) else value_and_gradient
        gradient = torch.empty_like(params, memory_format=torch.contiguous_format)
        log_probs: list[Tensor] = []
        done = 0
        for part in _parts(params, x):
            log_prob, by_params = function(*part, levels)
            gradient[done : done + len(log_prob)] = by_params
            log_probs.append(log_prob)
            done += len(log_prob)
        ctx.save_for_backward(gradient)
        return torch.cat(log_probs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream.to(gradient.dtype).view(-1, 1, 1, 1), None, None


def _is_compiled(params: Tensor, x: Tensor) -> bool:
    elements = x[0].numel() * components(params.shape[1], x.shape[1])
    return elements >= COMPILE_FROM and params.dtype != torch.float64


def _parts(params: Tensor, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields parameters and levels of a few images at a time, contiguous and at least float32.

    For a compiled function on a CPU each part is one image, so that no other shape is compiled.
    """
    dtype = torch.promote_types(params.dtype, torch.float32)
    if params.device.type != "cpu":
        count = max(1, len(params))
    elif _is_compiled(params, x):
        count = 1
    else:
        count = max(1, EAGER_BYTES // (params[0].numel() * dtype.itemsize))
    for own, level in zip(params.split(count), x.split(count), strict=True):
        own, level = own.to(dtype).contiguous(), level.to(dtype)
        if params.device.type != "cpu":
            for each in (own, level):  # else the first size would be compiled on its own
                torch._dynamo.maybe_mark_dynamic(each, 0)
        yield own, level


def components(width: int, channels: int) -> int:
    """Returns K for parameters with `width` values per pixel: 10K for RGB, K (1 + 2C) otherwise."""
    return width // values_per_component(channels)


class Mixture(NamedTuple):
    """Holds the parameters of a mixture by their meaning, each (B, K, H, W)."""

    logits: Tensor
    means: list[Tensor]  # one per colour
    log_scales: list[Tensor]  # one per colour
    coefficients: list[Tensor]  # for RGB: red to green, red to blue, green to blue


class Level(NamedTuple):
    """Describes a level relative to each component's mean, in units of its scale."""

    inverse: Tensor  # 1 / scale
    centre: Tensor
    reach: Tensor  # half the width of the level, at least that at LOG_SCALE_WIDE
    excess: Tensor  # what that lower limit adds to the log-mass
    upper: Tensor  # a, the upper edge
    lower: Tensor  # b, the lower edge
    upper_tail: Tensor  # exp(-|a|)
    lower_tail: Tensor  # exp(-|b|)
    is_edge: Tensor  # True for the lowest and the highest level


def value(params: Tensor, x: Tensor, levels: int) -> Tensor:
    """Returns the log-probability in nats, (B,)."""
    mixture = _mixture(params, x.shape[1])
    log_masses = [_log_mass(interval) for interval in _intervals(mixture, x, levels)]
    joint, _ = _weighted(mixture.logits, sum(log_masses[1:], log_masses[0]))
    return joint


def value_and_gradient(params: Tensor, x: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Returns the log-probability in nats, (B,), and its gradient by params, (B, width, H, W)."""
    mixture = _mixture(params, x.shape[1])
    intervals = _intervals(mixture, x, levels)
    log_masses = [_log_mass(interval) for interval in intervals]
    joint, (share, by_logits) = _weighted(mixture.logits, sum(log_masses[1:], log_masses[0]))
    slopes = [_slopes(interval) for interval in intervals]
    by_means = [share * by_mean for by_mean, _ in slopes]
    by_log_scales = [
        share * torch.where(raw < LOG_SCALE_MIN, 0.0, by_log_scale)
        for raw, (_, by_log_scale) in zip(mixture.log_scales, slopes, strict=True)
    ]
    by_coefficients = _by_coefficients(mixture.coefficients, by_means, _scaled(x, levels))
    blocks = [by_logits]
    for c in range(len(by_means)):
        blocks += [by_means[c], by_log_scales[c], *by_coefficients[c : c + 1]]
    return joint, torch.cat(blocks, 1)


def _mixture(params: Tensor, channels: int) -> Mixture:
    logits, *blocks = params.split(components(params.shape[1], channels), 1)
    if channels != 3:
        return Mixture(logits, blocks[0::2], blocks[1::2], [])
    coefficients = [torch.tanh(block) for block in blocks[2::3]]
    return Mixture(logits, blocks[0::3], blocks[1::3], coefficients)


def _scaled(x: Tensor, levels: int) -> tuple[Tensor, ...]:
    """Returns the colours on [-1, 1], each (B, 1, H, W)."""
    return ((2 * x - (levels - 1)) / (levels - 1)).split(1, 1)  # only the division rounds


def _intervals(mixture: Mixture, x: Tensor, levels: int) -> list[Level]:
    colours = list(_scaled(x, levels))
    if mixture.coefficients:
        red, green, blue = colours
        to_green, red_to_blue, green_to_blue = mixture.coefficients
        # The shift by earlier colours is subtracted from the colour, not added to the mean: both
        # are at most 1, so that less is rounded away where a narrow component fits well.
        colours = [red, green - to_green * red, blue - red_to_blue * red - green_to_blue * green]
    arguments = zip(x.split(1, 1), colours, mixture.means, mixture.log_scales, strict=True)
    return [_interval(*colour, levels) for colour in arguments]


def _interval(level: Tensor, colour: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Level:
    inverse = torch.exp(-log_scale.clamp(min=LOG_SCALE_MIN))
    centre, reach = (colour - mean) * inverse, inverse.clamp(min=INVERSE_WIDE) / (levels - 1)
    lowest, highest = level == 0, level == levels - 1
    excess = torch.where(lowest | highest, 0.0, (log_scale - LOG_SCALE_WIDE).clamp(min=0))
    upper = torch.where(highest, math.inf, centre + reach)
    lower = torch.where(lowest, -math.inf, centre - reach)
    tails = torch.exp(-upper.abs()), torch.exp(-lower.abs())
    return Level(inverse, centre, reach, excess, upper, lower, *tails, lowest | highest)


def _log_mass(i: Level) -> Tensor:
    """Returns the log-mass of a level under each component, with a single logarithm.

    It uses softplus(t) = max(t, 0) + log(1 + exp(-|t|)); the logarithm is of a number below 1.
    """
    inside = torch.where(i.is_edge, 1.0, -torch.expm1(-2 * i.reach))
    ratio = inside / ((1 + i.upper_tail) * (1 + i.lower_tail))
    return torch.log(ratio) + i.upper.clamp(max=0) - i.lower.clamp(min=0) - i.excess


def _slopes(i: Level) -> tuple[Tensor, Tensor]:
    """Returns the slopes of the log-mass by mean and log-scale; at an edge its sigmoid is 0."""
    above = torch.where(i.upper > 0, i.upper_tail, 1.0) / (1 + i.upper_tail)  # sigmoid(-a)
    below = torch.where(i.lower < 0, i.lower_tail, 1.0) / (1 + i.lower_tail)  # sigmoid(b)
    difference, width = below - above, 2 * i.reach
    narrowing = torch.where(i.is_edge, 0.0, width / torch.expm1(width))
    by_log_scale = i.centre * difference - i.reach * (below + above) - narrowing
    return i.inverse * difference, by_log_scale


def _weighted(logits: Tensor, log_mass: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Returns log sum_k w_k mass_k per image, the components' shares, and its slope by the logits.

    The largest logit is subtracted first, because logits may be far larger than log-masses.
    """
    logits = logits - logits.amax(1, keepdim=True)
    weights = torch.exp(logits)
    total = weights.sum(1, keepdim=True)
    inner = logits + log_mass
    largest = inner.amax(1, keepdim=True)
    parts = torch.exp(inner - largest)
    mass = parts.sum(1, keepdim=True)
    joint = (largest + torch.log(mass) - torch.log(total)).sum((1, 2, 3))
    share = parts / mass
    return joint, (share, share - weights / total)


def _by_coefficients(
    coefficients: list[Tensor], by_means: list[Tensor], colours: tuple[Tensor, ...]
) -> list[Tensor]:
    """Returns the slopes by the raw coefficients of RGB, whose tanh are `coefficients`.

    The list is empty for grey images.
    """
    if not coefficients:
        return []
    red, green, _ = colours
    slopes = [by_means[1] * red, by_means[2] * red, by_means[2] * green]
    return [s * (1 - c * c) for s, c in zip(slopes, coefficients, strict=True)]


_value, _value_and_gradient = Compiled(value), Compiled(value_and_gradient)
