"""Gradients of a network in one buffer, and dropout masks of a batch that is taken in parts."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scaling.models.unet import Dropout


class Gradients:
    """The gradients of a module's parameters as views of one flat buffer.

    What is done to all of them is one kernel then, rather than one a parameter; backward adds to
    them. Every view is laid out in memory as its parameter is.
    """

    def __init__(self, module: nn.Module) -> None:
        parameters = list(module.parameters())
        first = parameters[0]
        size = sum(parameter.numel() for parameter in parameters)
        self.buffer = torch.zeros(size, dtype=first.dtype, device=first.device)
        start = 0
        for parameter in parameters:
            view = self.buffer.as_strided(parameter.shape, parameter.stride(), start)
            parameter.grad = view
            start += parameter.numel()

    def clear(self) -> None:
        """Sets all gradients to 0."""
        self.buffer.zero_()

    def mend(self, infinite: float) -> None:
        """Replaces NaN by 0 and infinity by `infinite`, minus infinity by its negative."""
        self.buffer.nan_to_num_(nan=0.0, posinf=infinite, neginf=-infinite)


class DropoutMasks:
    """The dropout masks of a network for a whole batch, drawn before it is taken in parts.

    They are drawn from PyTorch's generator in the order, shape, type and memory layout in which
    one forward pass of the whole batch draws them: so parts of any size drop what that one drops.
    `example` (1, ...) are the inputs of the network. Masks take a byte a value.
    """

    def __init__(self, network: nn.Module, *example: Tensor) -> None:
        self.layers: list[Dropout] = []
        self.inputs: list[Tensor] = []

        def seen(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            assert isinstance(layer, Dropout)
            self.layers.append(layer)
            self.inputs.append(torch.empty_like(inputs[0], device="meta"))

        dropouts = [m for m in network.modules() if isinstance(m, Dropout) and m.p]
        hooks = [layer.register_forward_hook(seen) for layer in dropouts]
        was_training = network.training
        with torch.no_grad():
            network.eval()(*example)
        network.train(was_training)
        for hook in hooks:
            hook.remove()

    def draw(self, batch: int, device: torch.device) -> list[Tensor]:
        """A mask (batch, C, H, W) for each layer of dropout, True where a value stays."""
        masks = []
        for layer, like in zip(self.layers, self.inputs, strict=True):
            channels_last = not like.is_contiguous()
            layout = torch.channels_last if channels_last else torch.contiguous_format
            shape = (batch, *like.shape[1:])
            ones = torch.empty(shape, dtype=like.dtype, device=device, memory_format=layout)
            masks.append(F.dropout(ones.fill_(1.0), layer.p) != 0)
        return masks

    @contextmanager
    def given(self, masks: list[Tensor], part: slice) -> Iterator[None]:
        """Inside, the network drops what the masks say of these images of the batch."""
        for layer, mask in zip(self.layers, masks, strict=True):
            layer.given = mask[part]
        try:
            yield
        finally:
            for layer in self.layers:
                layer.given = None
