"""Defines the VAE, which encodes x to q and decodes z to p, and the ELBO of any q (Eq. 2).

The ELBO is in nats per image and is maximized; training passes the q of the
encoder, and a metric may pass another one.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from scaling.models import Parameters
from scaling.models.likelihoods import Likelihood, family
from scaling.models.networks import NETWORKS, Shape
from scaling.trial import VaeTrial

STD_FLOOR = 1e-7  # keeps log(std) finite when softplus underflows


class Decoder(Protocol):
    """Declares the method of a model that the ELBO uses."""

    def decode(self, z: Tensor) -> Likelihood:
        """Returns p(x|z)."""


class VAE(nn.Module):
    """Implements a VAE with a standard normal prior for images of levels 0..levels-1 (uint8)."""

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Callable[[Tensor], Likelihood],
        levels: int,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.levels = likelihood, levels

    def encode(self, x: Tensor) -> Independent:
        """Returns q(z|x) for x (B, C, H, W), either uint8 levels or floats in [0, 1]."""
        if x.dtype == torch.uint8:
            x = x.to(self.dtype) / (self.levels - 1)
        mean, rho = self.encoder(x).chunk(2, 1)
        return diagonal_normal(mean, F.softplus(rho) + STD_FLOOR)

    def as_levels(self, x: Tensor) -> Tensor:
        """Converts x to levels for `log_prob`; floats in [0, 1] become fractional levels."""
        return x if x.dtype == torch.uint8 else x * (self.levels - 1)

    def decode(self, z: Tensor) -> Likelihood:
        """Returns p(x|z) for z (B, m_z, H/4, W/4), or (B, 16 m_z) for a fully-connected network."""
        return self.likelihood(self.decoder(z))

    @property
    def dtype(self) -> torch.dtype:
        """Returns the type of the weights."""
        return next(self.parameters()).dtype

    def count_parameters(self) -> Parameters:
        """Returns |Theta_z|, |Theta_not-z| and their sum (section 4.2).

        For a network without `head` and `stem`, all parameters count as Theta_not-z.
        """
        parts = getattr(self.encoder, "head", None), getattr(self.decoder, "stem", None)
        z = sum(_count(part) for part in parts)
        total = _count(self)
        return {"parameters": total, "parameters_z": z, "parameters_rest": total - z}


def _count(module: nn.Module | None) -> int:
    return 0 if module is None else sum(parameter.numel() for parameter in module.parameters())


def build(trial: VaeTrial, channels: int, side: int, levels: int) -> VAE:
    """Builds the trial's VAE for images (channels, side, side) with this number of levels.

    Its weights are initialized as PyTorch does by default. Raises UsageError if the likelihood
    cannot model this number of levels.
    """
    likelihood = family(trial, channels, levels)
    shape = Shape(channels, side, likelihood.width)
    encoder, decoder = NETWORKS[trial.network]
    return VAE(encoder(trial, shape), decoder(trial, shape), likelihood.likelihood, levels)


def diagonal_normal(mean: Tensor, std: Tensor) -> Independent:
    """Returns a factorized normal over the latents of an image; mean and std are (B, ...)."""
    normal = Normal(mean, std, validate_args=False)
    return Independent(normal, mean.dim() - 1, validate_args=False)


def prior(q: Distribution) -> Independent:
    """Returns the prior N(0, I) in the shape of q."""
    return diagonal_normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))


def elbo(vae: Decoder, x: Tensor, q: Distribution) -> Tensor:
    """Returns log p(x|z) - KL(q || prior) with one z ~ q, in nats per image, (B,) (Eq. 2)."""
    return vae.decode(q.rsample()).log_prob(x) - kl_divergence(q, prior(q))
