"""A model as the metrics see it: BatchNorm in eval mode, constant weights, all of float32."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Eval mode and no parameter that requires a gradient inside; all as it was outside.

    Nor do convolutions on a GPU round to TF32 there, as training leaves them to.
    """
    rounds = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    modes = [(module, module.training) for module in model.modules()]
    wishes = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = rounds
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in wishes:
            parameter.requires_grad_(requires_grad)
