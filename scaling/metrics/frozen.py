"""A model as the metrics see it: BatchNorm in eval mode, constant weights, all of float32."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from scaling.models.full_float32 import full_float32


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Eval mode and no parameter that requires a gradient inside; all as it was outside.

    Nor do convolutions on a GPU round to TF32 there.
    """
    modes = [(module, module.training) for module in model.modules()]
    wishes = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        with full_float32():
            yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in wishes:
            parameter.requires_grad_(requires_grad)
