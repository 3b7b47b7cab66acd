"""Defines likelihoods p(x|z): distributions over images given a decoder's output (Appendix B.1).

Images `x` are levels 0..levels-1, shape (B, C, H, W); level l represents l / (levels - 1) in
[0, 1]. Every likelihood has `log_prob(x)` in nats per image, `sample()`, `mean` in [0, 1], and
`width`, the number of decoder outputs per pixel.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from scaling.errors import UsageError
from scaling.models.mixtures import MixtureOfLogistics, PerChannelMixture
from scaling.trial import VaeTrial


class Likelihood(Protocol):
    """Declares the methods of a likelihood that the ELBO and the metrics use."""

    @property
    def mean(self) -> Tensor:
        """Returns the expected image in [0, 1], (B, C, H, W)."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Returns the log-probability (Gaussian: density) of levels (B, C, H, W) in nats, (B,)."""

    def sample(self) -> Tensor:
        """Draws an image of floats in [0, 1], (B, C, H, W)."""


def quantize(x: Tensor, levels: int) -> Tensor:
    """Rounds floats in [0, 1] to the nearest level, uint8."""
    return (x.clamp(0, 1) * (levels - 1)).round().to(torch.uint8)


class Bernoulli:
    """Gives each pixel, 0 or 1, a Bernoulli distribution; `params` are logits (B, C, H, W)."""

    def __init__(self, params: Tensor) -> None:
        self.logits = params

    @staticmethod
    def width(channels: int) -> int:
        return channels

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Tensor) -> Tensor:
        target = x.to(self.logits.dtype)
        return -F.binary_cross_entropy_with_logits(self.logits, target, reduction="none").sum(
            (1, 2, 3)
        )

    def sample(self) -> Tensor:
        return torch.bernoulli(self.mean)


class Gaussian:
    """Gives x on [0, 1] a normal density with the standard deviation `sigma`.

    `params` are means (B, C, H, W), before the sigmoid with `activation="sigmoid"`.
    """

    def __init__(
        self, params: Tensor, sigma: float = 0.03, levels: int = 256, activation: str = "none"
    ) -> None:
        self.loc = torch.sigmoid(params) if activation == "sigmoid" else params
        self.sigma = sigma
        self.levels = levels

    @staticmethod
    def width(channels: int) -> int:
        return channels

    @property
    def mean(self) -> Tensor:
        return self.loc.clamp(0, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        z = (x.to(self.loc.dtype) / (self.levels - 1) - self.loc) / self.sigma
        return (-0.5 * z**2 - math.log(self.sigma) - 0.5 * math.log(2 * math.pi)).sum((1, 2, 3))

    def sample(self) -> Tensor:
        return (self.loc + self.sigma * torch.randn_like(self.loc)).clamp(0, 1)


def _full(params: Tensor) -> Tensor:
    """Converts parameters to float32 at least, since a network may compute in bf16."""
    return params.to(torch.promote_types(params.dtype, torch.float32))


@dataclass(frozen=True)
class Family:
    """Describes a trial's likelihood: decoder outputs per pixel, and how to build it from them."""

    width: int
    likelihood: Callable[[Tensor], Likelihood]


def _mixture(trial: VaeTrial, channels: int, levels: int) -> Family:
    width = MixtureOfLogistics.width(channels, trial.mixtures)
    if trial.mol_mix == "joint":
        return Family(width, lambda params: MixtureOfLogistics(params, channels, levels))
    return Family(width, lambda params: PerChannelMixture(_full(params), channels, levels))


def _gaussian(trial: VaeTrial, channels: int, levels: int) -> Family:
    return Family(
        Gaussian.width(channels),
        lambda params: Gaussian(_full(params), trial.sigma, levels, trial.gauss_mean_act),
    )


def _bernoulli(trial: VaeTrial, channels: int, levels: int) -> Family:
    if levels != 2:
        raise UsageError(
            f"likelihood=bernoulli models images of 2 levels, and these have {levels}. "
            "Give --set likelihood=mixture."
        )
    return Family(Bernoulli.width(channels), lambda params: Bernoulli(_full(params)))


LIKELIHOODS = {"mixture": _mixture, "gaussian": _gaussian, "bernoulli": _bernoulli}


def family(trial: VaeTrial, channels: int, levels: int) -> Family:
    """Returns the trial's likelihood for images with these numbers of channels and levels.

    Raises UsageError if the likelihood cannot model this number of levels.
    """
    return LIKELIHOODS[trial.likelihood](trial, channels, levels)
