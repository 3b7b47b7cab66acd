"""Prepares a model for metrics: BatchNorm in eval mode, constant weights, full float32."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from scaling.models.full_float32 import full_float32


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Sets eval mode and disables the parameters' gradients in the block, then restores both.

    Products on a GPU do not round to TF32 inside.
    """
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        with full_float32():
            yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in flags:
            parameter.requires_grad_(requires_grad)
