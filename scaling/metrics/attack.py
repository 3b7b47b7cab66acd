"""Implements the unsupervised attack on an encoder (Appendix A, Eq. 10), in batches.

It is projected gradient ascent on the symmetrized KL divergence from the clean image's q. Each
example has a learning rate of its own, because Kuzina et al. (2022) attack one image at a time.
On a GPU a CUDA graph replays the steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Independent, kl_divergence

from scaling.models.cuda_graph import replayed

PATIENCE, FACTOR, THRESHOLD = 20, 0.5, 1e-4  # arguments of ReduceLROnPlateau
LR_STOP = 1e-6  # an example stops when its rate falls below this


@dataclass(frozen=True)
class Strength:
    """Holds a column of Table 2: numbers of images, restarts and steps, rate and distance."""

    n_ref: int  # number of attacked images
    n_attack: int  # restarts per image
    n_steps: int
    eta: float  # learning rate
    delta: float  # largest change of a pixel, on the scale [0, 1]
    grad: str = "raw"  # a key of DIRECTIONS


GREY = Strength(n_ref=50, n_attack=10, n_steps=50, eta=1.0, delta=0.1)  # both MNISTs
RGB = Strength(n_ref=20, n_attack=10, n_steps=100, eta=1.0, delta=0.05)  # CIFAR-10


class Encoder(Protocol):
    """Declares the method of a model that the attack uses."""

    def encode(self, x: Tensor) -> Independent:
        """Returns q(z|x)."""


def symmetric_kl(p: Independent, q: Independent) -> Tensor:
    """Returns the mean of KL(p || q) and KL(q || p), in nats, (B,)."""
    return 0.5 * (kl_divergence(p, q) + kl_divergence(q, p))


def attack(vae: Encoder, x: Tensor, initial: Tensor, strength: Strength) -> Tensor:
    """Returns attacked images within `delta` of x and within each image's range, (B, C, H, W).

    x are floats in [0, 1]; `initial` are perturbations of any size. With the model in eval mode
    no example depends on the others.
    """
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    direction = DIRECTIONS[strength.grad]
    rates = Rates(len(x), strength.eta, x.device)
    with torch.no_grad():
        clean = vae.encode(x)

    def step(epsilon: Tensor) -> Tensor:
        epsilon = ((x + epsilon).clamp(low, high) - x).requires_grad_()
        loss = -symmetric_kl(vae.encode(x + epsilon), clean)
        (gradient,) = torch.autograd.grad(loss.sum(), epsilon)
        change = rates.now.to(x.dtype).view(-1, 1, 1, 1) * direction(gradient)
        rates.update(loss.detach())
        return (epsilon.detach() - change).clamp(-strength.delta, strength.delta)

    take, epsilon = replayed(step, len(x), x.device), initial
    for _ in range(strength.n_steps):
        epsilon = take(epsilon)
    return (x + epsilon).clamp(low, high)


class Rates:
    """Applies PyTorch's ReduceLROnPlateau to each example of a batch.

    The threshold is relative, so for a negative loss a slightly worse value counts as better.
    """

    def __init__(self, examples: int, lr: float, device: torch.device) -> None:
        self.now = torch.full((examples,), lr, dtype=torch.float64, device=device)
        self.best = torch.full_like(self.now, torch.inf)
        self.bad = torch.zeros_like(self.now)  # steps since the last better one

    def update(self, loss: Tensor) -> None:
        """Adapts the rates in place to the losses (B,) of a step; one below LR_STOP becomes 0."""
        better = loss < self.best * (1 - THRESHOLD)
        self.best.copy_(torch.where(better, loss.double(), self.best))
        self.bad.copy_(torch.where(better, 0.0, self.bad + 1))
        tired = self.bad > PATIENCE
        self.now.copy_(torch.where(tired, self.now * FACTOR, self.now))
        self.bad.copy_(torch.where(tired, 0.0, self.bad))
        self.now.copy_(torch.where(self.now < LR_STOP, 0.0, self.now))


def _unit(gradient: Tensor) -> Tensor:
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return gradient / length.clamp(min=torch.finfo(gradient.dtype).tiny)


DIRECTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "raw": lambda gradient: gradient,
    "sign": torch.sign,
    "l2": _unit,
}
