"""Defines the DDPM++ U-Net of Song et al. (2021), which the diffusion models of Appendix D use.

Every level has `blocks` residual blocks in the encoder and `blocks + 1` in the decoder, each of
which takes one skip connection. Between levels a residual block halves or doubles the side. The
noise level enters every block as a bias per channel.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scaling.errors import UsageError

EPS = 1e-6  # added to variances in group normalizations
MAX_GROUPS, LEAST_CHANNELS_PER_GROUP = 32, 4
SMALL_INIT = 1e-5  # gain of each residual branch's last layer: initially only skips matter
EMBEDDING = 4  # width of the noise embedding, in model channels
MAX_PERIOD = 10_000.0
HALF = math.sqrt(0.5)  # gives the sum of two terms of variance 1 the variance 1


def _initialized(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Module:
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _conv(inputs: int, outputs: int, kernel: int = 3, gain: float = 1.0) -> nn.Module:
    return _initialized(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), gain)


def _norm(channels: int) -> nn.GroupNorm:
    """Returns a normalization with the most groups up to 32 that have 4 or more channels each."""
    most = max(1, min(MAX_GROUPS, channels // LEAST_CHANNELS_PER_GROUP))
    groups = next(n for n in range(most, 0, -1) if channels % n == 0)
    return nn.GroupNorm(groups, channels, eps=EPS)


class NoiseEmbedding(nn.Module):
    """Maps c_noise (B,) to (B, 4 channels) by sines and cosines and two linear layers."""

    frequencies: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        exponents = torch.linspace(0, 1, channels // 2)
        self.register_buffer("frequencies", MAX_PERIOD**-exponents, persistent=False)
        width = EMBEDDING * channels
        self.layers = nn.Sequential(
            _initialized(nn.Linear(channels, width)),
            nn.SiLU(),
            _initialized(nn.Linear(width, width)),
            nn.SiLU(),
        )

    def forward(self, c_noise: Tensor) -> Tensor:
        angles = c_noise[:, None] * self.frequencies
        return self.layers(torch.cat([angles.sin(), angles.cos()], 1))


class Dropout(nn.Dropout):
    """Applies dropout with a mask that a caller can set, so that micro-batches share one draw.

    `given` is a mask of the input's shape, True where a value is kept, or None to draw one.
    """

    given: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.given is None:
            return super().forward(x)
        return x * self.given.to(x.dtype).div_(1 - self.p)


class Attention(nn.Module):
    """Adds self-attention over the pixels with one head to its input.

    `gain` scales the initial weights of queries, keys and values; 1 is Xavier initialization.
    """

    def __init__(self, channels: int, gain: float = 1.0) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.qkv = _conv(channels, 3 * channels, 1, gain)
        self.out = _conv(channels, channels, 1, SMALL_INIT)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).mT[:, None].chunk(3, -1)
        mixed = F.scaled_dot_product_attention(q, k, v)[:, 0].mT.reshape(x.shape)
        return (x + self.out(mixed)) * HALF


class Downsample(nn.Module):
    """Computes means of 2 x 2 pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2)


class Upsample(nn.Module):
    """Repeats every pixel as 2 x 2 pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="nearest")


class Block(nn.Module):
    """Computes a residual block with the noise embedding, optional resampling and attention."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int,
        dropout: float,
        resample: nn.Module | None = None,
        attention: bool = False,
        qkv_gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.norm_in, self.norm_out = _norm(inputs), _norm(outputs)
        self.resample = resample or nn.Identity()
        self.conv_in = _conv(inputs, outputs)
        self.bias = _initialized(nn.Linear(embedding, outputs))
        self.dropout = Dropout(dropout)
        self.conv_out = _conv(outputs, outputs, gain=SMALL_INIT)
        plain = inputs == outputs and resample is None
        self.skip = nn.Identity() if plain else _conv(inputs, outputs, 1)
        self.attention = Attention(outputs, qkv_gain) if attention else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv_in(self.resample(F.silu(self.norm_in(x))))
        h = h + self.bias(embedding)[:, :, None, None]
        h = self.conv_out(self.dropout(F.silu(self.norm_out(h))))
        return self.attention((self.skip(self.resample(x)) + h) * HALF)


class UNet(nn.Module):
    """Maps images x (B, C, side, side) and c_noise (B,) or (1,) to images of the shape of x.

    `multipliers` of the model channels give the widths, one per level from `side` downwards.
    `attention` lists the sides with attention; the entry of the decoder always has it. By default
    there are 55,732,739 parameters. Raises UsageError if the side cannot be halved often enough,
    and for impossible widths.
    """

    def __init__(
        self,
        channels: int = 3,
        model_channels: int = 128,
        multipliers: Sequence[int] = (2, 2, 2),
        blocks: int = 4,
        attention: Sequence[int] = (16,),
        dropout: float = 0.13,
        side: int = 32,
        qkv_gain: float = 1.0,
    ) -> None:
        super().__init__()
        _check(model_channels, multipliers, side)
        self.qkv_gain = qkv_gain
        self.model_channels, self.blocks, self.dropout = model_channels, blocks, dropout
        self.widths = [model_channels * multiplier for multiplier in multipliers]
        self.attends = [side >> level in attention for level in range(len(multipliers))]
        self.embedding = NoiseEmbedding(model_channels)
        self.stem = _conv(channels, model_channels)
        self.encoder = nn.ModuleList()
        skips = self._add_encoder()
        last = self.widths[-1]
        self.middle = nn.ModuleList([self._block(last, last, attention=True)])
        self.middle.append(self._block(last, last))
        self.decoder = nn.ModuleList()
        self._add_decoder(skips)
        first = self.widths[0]
        self.head = nn.Sequential(_norm(first), nn.SiLU(), _conv(first, channels, gain=SMALL_INIT))

    def forward(self, x: Tensor, c_noise: Tensor) -> Tensor:
        embedding = self.embedding(c_noise)
        x = self.stem(x)
        skips = [x]
        for block in self.encoder:
            x = block(x, embedding)
            skips.append(x)
        for block in self.middle:
            x = block(x, embedding)
        for block in self.decoder:
            doubles = isinstance(block.resample, Upsample)
            x = block(x if doubles else torch.cat([x, skips.pop()], 1), embedding)
        return self.head(x)

    def _block(
        self,
        inputs: int,
        outputs: int,
        resample: nn.Module | None = None,
        attention: bool = False,
    ) -> Block:
        embedding = EMBEDDING * self.model_channels
        fixed = (embedding, self.dropout)
        return Block(inputs, outputs, *fixed, resample, attention, self.qkv_gain)

    def _add_encoder(self) -> list[int]:
        """Adds the blocks of the encoder and returns the channels of the skip connections."""
        width, skips = self.model_channels, [self.model_channels]
        for level, outputs in enumerate(self.widths):
            if level:
                self.encoder.append(self._block(width, width, Downsample()))
                skips.append(width)
            for _ in range(self.blocks):
                self.encoder.append(self._block(width, outputs, attention=self.attends[level]))
                width = outputs
                skips.append(width)
        return skips

    def _add_decoder(self, skips: list[int]) -> None:
        width = self.widths[-1]
        for level, outputs in reversed(list(enumerate(self.widths))):
            if level < len(self.widths) - 1:
                self.decoder.append(self._block(width, width, Upsample()))
            for index in range(self.blocks + 1):
                attends = self.attends[level] and index == self.blocks
                self.decoder.append(self._block(width + skips.pop(), outputs, attention=attends))
                width = outputs


def _check(model_channels: int, multipliers: Sequence[int], side: int) -> None:
    halvings = len(multipliers) - 1
    if not multipliers or min(multipliers) < 1:
        raise UsageError(
            f"multipliers={tuple(multipliers)} are not valid widths. "
            "Give one number per level, such as 2,2,2."
        )
    if side % 2**halvings:
        raise UsageError(
            f"Images of side {side} cannot be halved {halvings} times. Give fewer multipliers."
        )
    if model_channels % 2 or model_channels < 4:
        raise UsageError(
            f"channels={model_channels} is odd or below 4. Give an even number of at least 4."
        )
