"""Describes the networks as lists of linear maps, to count parameters, FLOPs and activations.

It uses arithmetic only, so that a plan needs no torch; tests compare the counts with the networks.
A network or likelihood without an entry here is counted by torch (`scaling.models.counted`). A
FLOP is an addition or a multiplication, as in `torch.utils.flop_counter`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from scaling.models import counted
from scaling.models.counted import Counted
from scaling.trial import DiffusionTrial, Trial, TwoSampleTrial, VaeTrial
from scaling.trial.catalog import DatasetEntry, images_of
from scaling.trial.vae import FC_LATENTS, values_per_component


class Operations(NamedTuple):
    """Counts the operations whose number determines how long a computation takes."""

    launches: float  # linear maps, each with the operations around it, whatever their width
    flops: float
    values: float  # outputs of layers, and weights
    components: float  # terms of the likelihood

    def __mul__(self, times: Any) -> "Operations":
        return Operations(*(times * amount for amount in self))

    def __add__(self, other: Any) -> "Operations":
        return Operations(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Layer:
    """Describes a linear map that is applied at `positions` places; `z` marks those of Theta_z."""

    inputs: int
    outputs: int
    positions: int
    area: int = 1  # pixels of the kernel
    bias: bool = False
    norm: bool = False
    z: bool = False
    kept: int = 1  # outputs per position: 4 for a transposed convolution that doubles the side
    weighted: bool = True  # False for the products of attention, which have no weights
    first: bool = False  # its inputs need no gradient

    @property
    def parameters(self) -> int:
        """Returns the number of parameters, with those of the normalization after it."""
        return self.weights + 2 * self.outputs * self.norm

    @property
    def weights(self) -> int:
        """Returns the number of weights and biases."""
        product = self.inputs * self.outputs * self.area * self.weighted
        return product + self.outputs * self.bias

    @property
    def flops(self) -> int:
        """Returns the FLOPs of the forward pass of one image."""
        return 2 * self.inputs * self.outputs * self.area * self.positions

    @property
    def gradients(self) -> float:
        """Returns backward FLOPs per forward FLOP: one for the weights and one for the inputs.

        Attention computes its weights by the keys a second time in the backward pass.
        """
        if self.first:
            return 1
        return 2 if self.weighted else 2.5

    @property
    def values(self) -> int:
        """Returns the number of outputs for one image."""
        return self.outputs * self.positions * self.kept


def images_of_trial(trial: Trial) -> DatasetEntry:
    """Returns the shape and the number of levels of the trial's images."""
    return images_of(trial.dataset)


def likelihood_width(trial: VaeTrial, entry: DatasetEntry) -> int:
    """Returns the decoder outputs per pixel that the trial's likelihood needs."""
    width_of = WIDTHS.get(trial.likelihood)
    return counted.width(trial, entry) if width_of is None else width_of(trial, entry.channels)


def _of_mixture(trial: VaeTrial, channels: int) -> int:
    return trial.mixtures * values_per_component(channels)


def _one_a_channel(trial: VaeTrial, channels: int) -> int:
    return channels


WIDTHS: dict[str, Callable[[VaeTrial, int], int]] = {
    "mixture": _of_mixture,
    "gaussian": _one_a_channel,
    "bernoulli": _one_a_channel,
}


def _residual(trial: VaeTrial, entry: DatasetEntry) -> Iterator[Layer]:
    n, half, quarter = trial.n_c, (entry.side // 2) ** 2, (entry.side // 4) ** 2
    m = trial.latent_channels
    blocks = [
        Layer(n, n, quarter, 9, norm=True),
        Layer(n, n, quarter, trial.res_second_kernel**2, norm=True),
    ] * 2
    yield Layer(entry.channels, n, half, 16, norm=True, first=True)
    yield Layer(n, n, quarter, 16, norm=True)
    yield from blocks
    yield Layer(n, 2 * m, quarter, bias=True, z=True)
    yield Layer(m, n, quarter, norm=True, z=True)
    yield from blocks
    yield Layer(n, n, quarter, 16, norm=True, kept=4)
    yield Layer(n, n, half, 16, norm=True, kept=4)
    yield Layer(n, likelihood_width(trial, entry), entry.side**2, bias=True)


def _fully_connected(trial: VaeTrial, entry: DatasetEntry) -> Iterator[Layer]:
    n, latents, pixels = trial.n_c, FC_LATENTS * trial.m_z, entry.side**2
    norm = trial.batch_norm
    yield Layer(entry.channels * pixels, n, 1, bias=True, norm=norm, first=True)
    yield Layer(n, n, 1, bias=True, norm=norm)
    yield Layer(n, 2 * latents, 1, bias=True, z=True)
    yield Layer(latents, n, 1, bias=True, norm=norm, z=True)
    yield Layer(n, n, 1, bias=True, norm=norm)
    yield Layer(n, likelihood_width(trial, entry) * pixels, 1, bias=True)


def _unet(trial: DiffusionTrial, entry: DatasetEntry) -> Iterator[Layer]:
    """Yields the layers of the DDPM++ U-Net (App. D): embedding, encoder, middle, decoder, head."""
    base, embedding = trial.channels, 4 * trial.channels
    widths = [base * multiplier for multiplier in trial.multipliers]
    sides = [entry.side >> level for level in range(len(widths))]
    yield Layer(base, embedding, 1, bias=True, first=True)
    yield Layer(embedding, embedding, 1, bias=True)
    yield Layer(entry.channels, base, entry.side**2, 9, bias=True, first=True)
    width, skips = base, [base]
    for level, (outputs, side) in enumerate(zip(widths, sides, strict=True)):
        if level:
            yield from _block(width, width, side, embedding, resampled=True)
            skips.append(width)
        for _ in range(trial.blocks):
            yield from _block(width, outputs, side, embedding, side in trial.attention)
            width = outputs
            skips.append(width)
    yield from _block(width, width, sides[-1], embedding, attention=True)
    yield from _block(width, width, sides[-1], embedding)
    for level in reversed(range(len(widths))):
        side, outputs = sides[level], widths[level]
        if level < len(widths) - 1:
            yield from _block(width, width, side, embedding, resampled=True)
        for index in range(trial.blocks + 1):
            attends = side in trial.attention and index == trial.blocks
            yield from _block(width + skips.pop(), outputs, side, embedding, attends)
            width = outputs
    yield Layer(0, width, 0, norm=True)
    yield Layer(width, entry.channels, entry.side**2, 9, bias=True)


def _block(
    inputs: int,
    outputs: int,
    side: int,
    embedding: int,
    attention: bool = False,
    resampled: bool = False,
) -> Iterator[Layer]:
    positions = side**2
    yield Layer(0, inputs, 0, norm=True)
    yield Layer(inputs, outputs, positions, 9, bias=True, norm=True)
    yield Layer(embedding, outputs, 1, bias=True)
    yield Layer(outputs, outputs, positions, 9, bias=True)
    if inputs != outputs or resampled:
        yield Layer(inputs, outputs, positions, bias=True)
    if attention:
        yield Layer(0, outputs, 0, norm=True)
        yield Layer(outputs, 3 * outputs, positions, bias=True)
        yield Layer(2 * positions, outputs, positions, weighted=False)
        yield Layer(outputs, outputs, positions, bias=True)


def _resnet(trial: TwoSampleTrial, entry: DatasetEntry) -> Iterator[Layer]:
    """Yields the layers of ResNet-18 with a CIFAR stem (Appendix D.3) and two classes.

    Each stage has two basic blocks.
    """
    width, side = trial.channels, entry.side
    yield Layer(entry.channels, width, side**2, 9, norm=True, first=True)
    for stage in range(trial.stages):
        outputs = trial.channels << stage
        side = side if stage == 0 else -(-side // 2)
        yield Layer(width, outputs, side**2, 9, norm=True)
        yield Layer(outputs, outputs, side**2, 9, norm=True)
        if width != outputs:
            yield Layer(width, outputs, side**2, norm=True)
        yield Layer(outputs, outputs, side**2, 9, norm=True)
        yield Layer(outputs, outputs, side**2, 9, norm=True)
        width = outputs
    yield Layer(width, 2, 1, bias=True)


VaeLayers = Callable[[VaeTrial, DatasetEntry], Iterator[Layer]]
VAE_LAYERS: dict[str, VaeLayers] = {"residual": _residual, "fully_connected": _fully_connected}
LAYERS: dict[str, Callable[[Any, DatasetEntry], Iterator[Layer]]] = {
    "diffusion": _unet,
    "two_sample": _resnet,
}


def layers(trial: Trial, entry: DatasetEntry | None = None) -> list[Layer | Counted]:
    """Returns every linear map of the trial's networks; for a VAE (Tables 3 to 5), encoder first.

    `entry` describes the images, by default those of the trial's data set. Raises UsageError if
    torch cannot count a user's network.
    """
    if isinstance(trial, VaeTrial):
        return [layer for half in halves(trial, entry) for layer in half]
    return list(LAYERS[trial.kind](trial, entry or images_of_trial(trial)))


def halves(
    trial: Trial, entry: DatasetEntry | None = None
) -> tuple[list[Layer | Counted], list[Layer | Counted]]:
    """Returns the linear maps of encoder and decoder of a VAE, each with one layer of Theta_z."""
    assert isinstance(trial, VaeTrial), trial.kind
    entry, listed = entry or images_of_trial(trial), VAE_LAYERS.get(trial.network)
    if listed is None:
        encoder, decoder = counted.halves(trial, entry)
        return [*encoder], [*decoder]
    every = list(listed(trial, entry))
    middle = next(index for index, layer in enumerate(every) if layer.z) + 1
    return [*every[:middle]], [*every[middle:]]


def likelihood_terms(trial: Trial) -> int:
    """Returns the number of logistics in the likelihood of one image; 0 if it is not a mixture."""
    if not isinstance(trial, VaeTrial) or WIDTHS.get(trial.likelihood) is not _of_mixture:
        return 0
    entry = images_of_trial(trial)
    return trial.mixtures * entry.channels * entry.side**2
