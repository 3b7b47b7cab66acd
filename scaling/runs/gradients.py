"""Keeps a network's gradients in one buffer, and draws a batch's dropout masks in advance."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scaling.models.unet import Dropout


class Gradients:
    """Holds the gradients of a module's parameters as views of one flat buffer.

    An operation on all of them is then a single kernel, instead of one per parameter; backward adds
    to them. Every view has the memory layout of its parameter.
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

    def replace_nonfinite(self, infinite: float) -> None:
        """Replaces NaN by 0 and infinity by `infinite`, minus infinity by its negative."""
        self.buffer.nan_to_num_(nan=0.0, posinf=infinite, neginf=-infinite)


class DropoutMasks:
    """Draws the dropout masks of a network for a whole batch that is then processed in parts.

    They are drawn from PyTorch's generator in the order, shape, type and memory layout in which one
    forward pass of the whole batch draws them, so that parts of any size drop what that pass drops.
    `example` (1, ...) are inputs of the network. A mask takes one byte per value.
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
        """Returns a mask (batch, C, H, W) for each dropout layer, True where a value is kept."""
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
        """Makes the network use the masks of these images of the batch inside the `with` block."""
        for layer, mask in zip(self.layers, masks, strict=True):
            layer.given = mask[part]
        try:
            yield
        finally:
            for layer in self.layers:
                layer.given = None
