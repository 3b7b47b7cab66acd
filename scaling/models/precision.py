"""Chooses the precision in which a VAE's networks are trained; likelihood and KL stay float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from scaling.models.vae import VAE
from scaling.trial import VaeTrial

Precision = Literal["float32", "bf16"]


def resolve(trial: VaeTrial, side: int, device: torch.device) -> Precision:
    """Returns the precision of a trial; `auto` is bf16 for convolutions on large images.

    The processor must support bf16; else `auto` is float32. `side` is in pixels.
    """
    if trial.precision != "auto":
        return trial.precision
    return "bf16" if trial.trains_in_bf16(side) and has_bf16(device) else "float32"


def has_bf16(device: torch.device) -> bool:
    """Returns True if the processor computes in bf16; emulation would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def trained_in(precision: Precision, vae: VAE) -> VAE:
    """Returns a VAE with the same weights whose networks compute in the given precision."""
    if precision == "float32":
        return vae
    encoder, decoder = _Autocast(vae.encoder), _Autocast(vae.decoder, cast=False)
    return VAE(encoder, decoder, vae.likelihood, vae.levels)


@contextmanager
def fastest_convolutions(wanted: bool) -> Iterator[None]:
    """Lets cuDNN measure its convolutions and use the fastest ones inside the block, if `wanted`.

    Results then depend on the measurement in their last digits.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or wanted
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


class _Autocast(nn.Module):
    """Computes a network in bf16 from float32 weights, and returns float32 if `cast`.

    A decoder need not cast, because a likelihood accepts parameters in bf16.
    """

    def __init__(self, network: nn.Module, cast: bool = True) -> None:
        super().__init__()
        self.network, self.cast = network, cast

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            y = self.network(x)
        return y.float() if self.cast else y
