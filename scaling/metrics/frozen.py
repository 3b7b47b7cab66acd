"""A model as the metrics see it: BatchNorm in eval mode, no gradient for its weights."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Eval mode and no parameter that requires a gradient inside; both as they were outside."""
    modes = [(module, module.training) for module in model.modules()]
    wishes = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in wishes:
            parameter.requires_grad_(requires_grad)
