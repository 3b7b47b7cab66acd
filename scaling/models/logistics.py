"""The log-probability of a mixture of logistics with its gradient, in one pass over the parameters.

A level of a colour has the mass sigmoid(a) - sigmoid(b) under a logistic, a and b its upper and
lower edge in scales; in the lowest level b = -inf, in the highest a = +inf. Its logarithm is
log(1 - exp(b - a)) - softplus(-a) - softplus(b): no difference of close numbers in the tails.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from scaling.models.compiled import Compiled

LOG_SCALE_MIN = -7.0  # Salimans et al. 2017

# Compiling costs 2 to 24 s in each process, so it pays for large images only: 8x8 digits with
# K = 5 have 320 elements and train eagerly, CIFAR-10 with K = 10 has 30,720. The rule reads the
# shape of one image alone: a resumed run, a last partial batch and an evaluation go the same way.
COMPILE_FROM = 5_000  # pixels x colours x components of an image
EAGER_BYTES = 1 << 19  # of parameters evaluated at a time on a CPU: temporaries stay in its cache


def log_prob(params: Tensor, x: Tensor, levels: int) -> Tensor:
    """Log-probability of levels x (B, C, H, W) under params (B, width, H, W), in nats, (B,).

    Differentiable once, by the parameters alone. Computed in float32 from bf16 parameters.
    """
    if torch.is_grad_enabled() and params.requires_grad:
        return _LogProb.apply(params, x, levels)
    return torch.cat([_part(value, *part, levels) for part in _parts(params, x)])


class _LogProb(torch.autograd.Function):
    """Takes the gradient in the forward pass, which has all that it is made of at hand.

    An image's log-probability depends on its own parameters only, so what arrives from above is
    one factor an image.
    """

    @staticmethod
    def forward(ctx: Any, params: Tensor, x: Tensor, levels: int) -> Tensor:
        gradient = torch.empty_like(params, memory_format=torch.contiguous_format)
        log_probs, done = [], 0
        for part in _parts(params, x):
            log_prob, by_params = _part(value_and_gradient, *part, levels)
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
