"""Counts parameters and FLOPs of networks without a layer list, with torch on the meta device.

The networks are built without allocating weights and see one image, so that a plan of the widest
takes milliseconds. torch is imported only when something is counted.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scaling.errors import UsageError
from scaling.trial import VaeTrial
from scaling.trial.catalog import DatasetEntry

if TYPE_CHECKING:
    from torch import Tensor, nn

Shape = tuple[int, int, int]  # channels, side and levels of the images


@dataclass(frozen=True)
class Counted:
    """Describes the cost of a layer for one image, like `scaling.models.layers.Layer`."""

    parameters: int  # with those of the normalization after it
    weights: int  # without those
    flops: int
    values: int
    z: bool = False
    first: bool = False  # its inputs need no gradient

    @property
    def gradients(self) -> int:
        """Returns backward FLOPs per forward FLOP: one for the weights, one for the inputs."""
        return 1 if self.first else 2


Half = tuple[Counted, ...]


def halves(trial: VaeTrial, entry: DatasetEntry) -> tuple[Half, Half]:
    """Returns the layers of encoder and decoder; raises UsageError if torch cannot count them."""
    return _halves(trial.architecture, _shape(trial, entry))


def width(trial: VaeTrial, entry: DatasetEntry) -> int:
    """Returns the decoder outputs per pixel that the trial's likelihood needs."""
    from scaling.models.likelihoods import family

    channels, _, levels = _shape(trial, entry)
    return family(trial, channels, levels).width


def _shape(trial: VaeTrial, entry: DatasetEntry) -> Shape:
    """Returns the shape of the images, with the number of levels that the likelihood requires.

    The entry of a file does not contain the number of levels.
    """
    return entry.channels, entry.side, trial.likelihood_entry.levels or entry.levels


@functools.cache
def _halves(trial: VaeTrial, shape: Shape) -> tuple[Half, Half]:
    import torch

    from scaling.models.likelihoods import family
    from scaling.models.vae import build

    channels, side, levels = shape
    expected = (1, family(trial, channels, levels).width, side, side)
    try:
        with torch.device("meta"), torch.no_grad():
            vae = build(trial, channels, side, levels).eval()
            encoder, q = _counted(vae.encoder, torch.zeros(1, channels, side, side), "head")
            decoder, out = _counted(vae.decoder, q.chunk(2, 1)[0], "stem")
    except UsageError:
        raise
    except Exception as error:  # a user's network may raise anything
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(
            f"network={trial.network} fails on an image of {channels} x {side} x {side} on torch's "
            f"meta device: {text}. Correct it, or give it a layer list in "
            "scaling.models.layers.VAE_LAYERS."
        ) from error
    if tuple(out.shape) != expected:
        raise UsageError(
            f"network={trial.network}: the decoder's output for one image has the shape "
            f"{tuple(out.shape)} instead of {expected}. Change its last layer: it needs "
            "Shape.width channels and the image's side."
        )
    return (replace(encoder[0], first=True), *encoder[1:]), decoder


def _counted(network: "nn.Module", x: "Tensor", z_layer: str) -> tuple[Half, "Tensor"]:
    """Returns the layers of a network and its output for x.

    `z_layer` is the name of the submodule whose weights belong to Theta_z.
    """
    from torch.utils.flop_counter import FlopCounterMode

    z_part = getattr(network, z_layer, None)
    of_z = set() if z_part is None else {id(part) for part in z_part.modules()}
    with FlopCounterMode(display=False) as counter:
        calls = Calls(counter.get_total_flops, of_z)
        for part in network.modules():
            if list(part.parameters(recurse=False)):
                part.register_forward_pre_hook(calls.begin)
                part.register_forward_hook(calls.end)
        out = network(x)
    parameters = sum(weight.numel() for weight in network.parameters())
    return calls.half(parameters, counter.get_total_flops(), out.numel()), out


class Calls:
    """Records, by hooks, a layer for each call of a module that has weights of its own."""

    def __init__(self, flops: Callable[[], int], of_z: set[int]) -> None:
        self.flops, self.of_z = flops, of_z
        self.layers: list[Counted] = []
        self.open: list[list[int]] = []  # FLOPs before each running call, and of calls inside it
        self.seen: set[int] = set()  # modules whose weights are counted already

    def begin(self, module: "nn.Module", inputs: object) -> None:
        """Starts the record of a call, before the module's forward pass."""
        self.open.append([self.flops(), 0])

    def end(self, module: "nn.Module", inputs: object, output: Any) -> None:
        """Adds a layer for a call, after the module's forward pass."""
        start, inside = self.open.pop()
        flops = self.flops() - start
        if self.open:
            self.open[-1][1] += flops
        own = 0 if id(module) in self.seen else _weights(module)
        self.seen.add(id(module))
        values = output.numel() if hasattr(output, "numel") else 0
        self.layers.append(Counted(own, own, flops - inside, values, id(module) in self.of_z))

    def half(self, parameters: int, flops: int, outputs: int) -> Half:
        """Returns the layers, each with the parameters of the normalizations after it.

        Parameters and FLOPs that belong to no layer form one more.
        """
        parts: list[Counted] = []
        for layer in self.layers:
            if layer.flops or not parts:
                parts.append(layer)
            else:
                parts[-1] = replace(parts[-1], parameters=parts[-1].parameters + layer.parameters)
        left = parameters - sum(layer.parameters for layer in parts)
        outside = flops - sum(layer.flops for layer in parts)
        if left or outside or not parts:
            parts.append(Counted(left, left, outside, 0 if parts else outputs))
        return tuple(parts)


def _weights(module: "nn.Module") -> int:
    return sum(weight.numel() for weight in module.parameters(recurse=False))
