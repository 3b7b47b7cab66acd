"""Trains a VAE through a copy of its weights in bf16, which is faster on a GPU than autocast.

Autocast converts every weight on its own, at every use. Here all are converted by one operation per
step, and so are the gradients. The numbers are those of autocast.
"""

import copy

import torch
from torch import Tensor, nn

from scaling.models.networks import (
    FullyConnectedDecoder,
    FullyConnectedEncoder,
    ResidualDecoder,
    ResidualEncoder,
)
from scaling.models.vae import VAE

# Networks whose layers compute in the type of their weights. Another one may add float32 values.
COPIED = (ResidualEncoder, ResidualDecoder, FullyConnectedEncoder, FullyConnectedDecoder)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def can_copy(vae: VAE) -> bool:
    """Returns True if the VAE's networks are this project's, so that a copy in bf16 works."""
    return type(vae.encoder) in COPIED and type(vae.decoder) in COPIED


class Bf16Copy:
    """Holds a copy of a VAE with weights in bf16; normalizations are shared and stay in float32.

    A training step calls `renew`, computes with `self.vae`, and after the backward pass `collect`.
    """

    def __init__(self, vae: VAE) -> None:
        norms = [module for module in vae.modules() if isinstance(module, NORMS)]
        shared = {id(parameter) for norm in norms for parameter in norm.parameters()}
        self.weights: list[Tensor] = [p for p in vae.parameters() if id(p) not in shared]
        memo: dict[int, object] = {id(norm): norm for norm in norms}
        encoder, decoder = copy.deepcopy((vae.encoder, vae.decoder), memo)
        self.copies: list[Tensor] = []
        for weight in self.weights:
            twin = memo[id(weight)]
            assert isinstance(twin, nn.Parameter)
            twin.data, twin.grad = twin.data.to(torch.bfloat16), None
            self.copies.append(twin)
        self.gradients = [torch.empty_like(weight) for weight in self.weights]
        self.vae = VAE(_InBf16(encoder, True), _InBf16(decoder, False), vae.likelihood, vae.levels)

    @torch.no_grad()
    def renew(self) -> None:
        """Copies the weights to bf16 and forgets the copies' gradients."""
        for twin in self.copies:
            twin.grad = None
        torch._foreach_copy_(self.copies, self.weights)

    @torch.no_grad()
    def collect(self) -> None:
        """Makes the copies' gradients, in float32, those of the weights."""
        copy_gradients = [twin.grad for twin in self.copies if twin.grad is not None]
        torch._foreach_copy_(self.gradients, copy_gradients)
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient


class _InBf16(nn.Module):
    """Computes a network whose weights are in bf16, and returns float32 if `cast`."""

    def __init__(self, network: nn.Module, cast: bool) -> None:
        super().__init__()
        self.network, self.cast = network, cast

    def forward(self, x: Tensor) -> Tensor:
        y = self.network(x.to(torch.bfloat16))
        return y.float() if self.cast else y
