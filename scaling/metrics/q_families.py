"""Defines the families of q that the search for q* optimizes: per image, or a finetuned encoder."""

import copy
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Independent

from scaling.models.vae import VAE, diagonal_normal

EPSILON = 1.0  # of Adam, in nats per standard deviation
BETAS = (0.9, 0.95)  # of Adam; squares are forgotten within 20 steps, since they fall as q improves
WIDTHS_RATE = 0.25  # rate of log std over that of means: it has twice the curvature and more noise


class Family(Protocol):
    """Declares a family of q over which the ELBO is maximized."""

    optimizer: torch.optim.Optimizer

    def q(self, piece: slice) -> Independent:
        """Returns the q of these images."""

    def settle(self) -> None:
        """Adds the optimizer's last step to the values."""

    def values(self) -> list[Tensor]:
        """Returns the tensors that define every q and are averaged over the last steps."""

    def assign(self, values: list[Tensor]) -> None:
        """Replaces the values."""


class PerImage:
    """Holds a mean and a log std for every latent of every image.

    `shift` and `growth` are the current step: of the mean in units of std, and of log std.
    """

    def __init__(self, q: Independent, lr: float) -> None:
        self.mean, self.log_std = q.mean.clone(), q.stddev.log()
        self.shift = nn.Parameter(torch.zeros_like(self.mean))
        self.growth = nn.Parameter(torch.zeros_like(self.mean))
        rates = [(self.shift, lr), (self.growth, WIDTHS_RATE * lr)]
        self.optimizer = _adam(rates, betas=BETAS, eps=EPSILON)

    def q(self, piece: slice) -> Independent:
        """Returns the q of these images."""
        std = self.log_std[piece].exp()
        mean = self.mean[piece] + std * self.shift[piece]
        return diagonal_normal(mean, std * self.growth[piece].exp())

    @torch.no_grad()
    def settle(self) -> None:
        """Adds the step to mean and log std; the next one is in units of the new std."""
        self.mean.addcmul_(self.log_std.exp(), self.shift)
        self.log_std.add_(self.growth)
        self.shift.zero_()
        self.growth.zero_()

    def values(self) -> list[Tensor]:
        """Returns means and log stds."""
        return [self.mean, self.log_std]

    def assign(self, values: list[Tensor]) -> None:
        """Replaces means and log stds."""
        self.mean, self.log_std = values


class Finetuned:
    """Holds a copy of the encoder, trained on the test images with BatchNorm in eval mode."""

    def __init__(self, vae: VAE, x: Tensor, lr: float) -> None:
        self.vae, self.x = copy.deepcopy(vae), x
        self.vae.encoder.requires_grad_(True)
        self.weights = list(self.vae.encoder.parameters())
        self.optimizer = _adam([(weight, lr) for weight in self.weights])

    def q(self, piece: slice) -> Independent:
        """Returns the q of these images."""
        return self.vae.encode(self.x[piece])

    def settle(self) -> None:
        """Does nothing, because Adam has already changed the weights."""

    def values(self) -> list[Tensor]:
        """Returns the encoder's weights."""
        return [weight.detach() for weight in self.weights]

    @torch.no_grad()
    def assign(self, values: list[Tensor]) -> None:
        """Replaces the encoder's weights."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.copy_(value)


def _adam(rates: list[tuple[nn.Parameter, float]], **options: Any) -> torch.optim.Optimizer:
    """Returns Adam with a learning rate per parameter; on a GPU a CUDA graph can replay it."""
    on_gpu = rates[0][0].device.type == "cuda"
    groups = [
        {"params": [parameter], "lr": torch.tensor(rate, device="cuda") if on_gpu else rate}
        for parameter, rate in rates
    ]
    return torch.optim.Adam(groups, **options, fused=on_gpu or None, capturable=on_gpu)
