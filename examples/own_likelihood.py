"""Adds a likelihood of your own: a Laplace density of fixed scale around the decoder's output.

    python studies/double_descent.py --module examples/own_likelihood.py --smoke-test \
        --set likelihood=laplace

A likelihood has `mean` and `sample()` in [0, 1], and `log_prob(x)` in nats per image of levels x.
Its entry in the catalog says that it also accepts real numbers between two levels, so that noise is
not rounded for it.
"""

import torch
from torch import Tensor
from torch.distributions import Laplace as Density

from scaling.models.likelihoods import LIKELIHOODS, Family
from scaling.trial import VaeTrial, catalog

SCALE = 0.1  # on [0, 1]


class Laplace:
    """The distribution p(x|z) whose medians are `params` (B, C, H, W)."""

    def __init__(self, params: Tensor, levels: int) -> None:
        self.density = Density(params.float(), SCALE, validate_args=False)
        self.levels = levels

    @property
    def mean(self) -> Tensor:
        return self.density.mean.clamp(0, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.density.log_prob(x / (self.levels - 1)).sum((1, 2, 3))

    def sample(self) -> Tensor:
        with torch.no_grad():
            return self.density.sample().clamp(0, 1)


def laplace(trial: VaeTrial, channels: int, levels: int) -> Family:
    """Returns the family: the decoder has one output per pixel and channel."""
    return Family(channels, lambda params: Laplace(params, levels))


LIKELIHOODS["laplace"] = laplace
catalog.LIKELIHOODS["laplace"] = catalog.LikelihoodEntry(floats="always")
