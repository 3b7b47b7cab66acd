"""Defines encoders and decoders of the VAE (Tables 3-6): residual and fully-connected.

Encoder: images in [0, 1], (B, C, H, W) -> (B, 2 m_z, H/4, W/4) or (B, 2 d_z): means, then the rho
of std = softplus(rho). Decoder: z -> likelihood parameters (B, width, H, W). `head` (encoder) and
`stem` (decoder) are connected to z and form Theta_z; all else is Theta_not-z (section 4.2). The
paper uses residual networks for CIFAR-10 and fully-connected ones for the MNISTs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scaling.trial import VaeTrial
from scaling.trial.vae import FC_LATENTS


@dataclass(frozen=True)
class Shape:
    """Describes images to a network: channels, side in pixels, decoder outputs per pixel."""

    channels: int
    side: int
    width: int


class Residual(nn.Module):
    """Computes x + block(x), the block of Table 6: ReLU, 3x3, BN, ReLU, 3x3 (or 1x1), BN."""

    def __init__(self, n_c: int, second_kernel: int = 3, inplace_quirk: bool = False) -> None:
        super().__init__()
        self.skip = nn.ReLU() if inplace_quirk else nn.Identity()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(n_c, n_c, 3, 1, 1, bias=False),
            nn.BatchNorm2d(n_c),
            nn.ReLU(),
            nn.Conv2d(n_c, n_c, second_kernel, 1, second_kernel // 2, bias=False),
            nn.BatchNorm2d(n_c),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.block(x)


class PerPixel(nn.Conv2d):
    """Computes a 1x1 convolution as one matrix product per image, with a contiguous output.

    The likelihood needs that layout. The gradient of a channels_last x is channels_last again,
    because layers are slow if input and gradient differ in layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad and x.is_contiguous(memory_format=torch.channels_last):
            x.register_hook(lambda slope: slope.contiguous(memory_format=torch.channels_last))
        assert self.bias is not None
        weight = self.weight.flatten(1).expand(len(x), -1, -1)
        product = torch.baddbmm(self.bias.unsqueeze(1), weight, x.flatten(2))
        return product.unflatten(2, x.shape[2:])


def _residuals(trial: VaeTrial) -> list[nn.Module]:
    options = trial.res_second_kernel, trial.res_inplace_quirk
    return [Residual(trial.n_c, *options), Residual(trial.n_c, *options)]


class ResidualEncoder(nn.Module):
    """Implements the encoder of Table 4 with 2 m_z output channels."""

    def __init__(self, trial: VaeTrial, shape: Shape) -> None:
        super().__init__()
        n_c = trial.n_c
        self.body = nn.Sequential(
            nn.Conv2d(shape.channels, n_c, 4, 2, 1, bias=False),
            nn.BatchNorm2d(n_c),
            nn.ReLU(),
            nn.Conv2d(n_c, n_c, 4, 2, 1, bias=False),
            nn.BatchNorm2d(n_c),
            *_residuals(trial),
        )
        self.head = nn.Conv2d(n_c, 2 * trial.latent_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class ResidualDecoder(nn.Module):
    """Implements the decoder of Table 5 with m_z input channels and two transposed convolutions."""

    def __init__(self, trial: VaeTrial, shape: Shape) -> None:
        super().__init__()
        n_c = trial.n_c
        self.stem = nn.Conv2d(trial.latent_channels, n_c, 1, bias=False)
        self.body = nn.Sequential(
            nn.BatchNorm2d(n_c),
            *_residuals(trial),
            *(layer for _ in range(2) for layer in _upsample(n_c)),
            PerPixel(n_c, shape.width, 1),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.body(self.stem(z))


def _upsample(n_c: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(n_c, n_c, 4, 2, 1, bias=False),
        nn.BatchNorm2d(n_c),
        nn.ReLU(),
    ]


def _dense(inputs: int, outputs: int, batch_norm: bool) -> list[nn.Module]:
    normalization: list[nn.Module] = [nn.BatchNorm1d(outputs)] if batch_norm else []
    return [nn.Linear(inputs, outputs), *normalization, nn.ReLU()]


class FullyConnectedEncoder(nn.Module):
    """Implements the encoder of Table 3: pixels -> n_c -> n_c -> 2 d_z with d_z = 16 m_z."""

    def __init__(self, trial: VaeTrial, shape: Shape) -> None:
        super().__init__()
        pixels = shape.channels * shape.side**2
        self.body = nn.Sequential(
            nn.Flatten(),
            *_dense(pixels, trial.n_c, trial.batch_norm),
            *_dense(trial.n_c, trial.n_c, trial.batch_norm),
        )
        self.head = nn.Linear(trial.n_c, 2 * FC_LATENTS * trial.m_z)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class FullyConnectedDecoder(nn.Module):
    """Implements the decoder of Table 3: d_z -> n_c -> n_c -> width per pixel."""

    def __init__(self, trial: VaeTrial, shape: Shape) -> None:
        super().__init__()
        n_c, side = trial.n_c, shape.side
        first, *rest = _dense(FC_LATENTS * trial.m_z, n_c, trial.batch_norm)
        self.stem = first
        self.body = nn.Sequential(
            *rest,
            *_dense(n_c, n_c, trial.batch_norm),
            nn.Linear(n_c, shape.width * side**2),
            nn.Unflatten(1, (shape.width, side, side)),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.body(self.stem(z))


Network = Callable[[VaeTrial, Shape], nn.Module]
NETWORKS: dict[str, tuple[Network, Network]] = {
    "residual": (ResidualEncoder, ResidualDecoder),
    "fully_connected": (FullyConnectedEncoder, FullyConnectedDecoder),
}
