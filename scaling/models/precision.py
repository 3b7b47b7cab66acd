"""In what precision a VAE's networks are trained; likelihood and KL are always float32."""

from typing import Literal

import torch
from torch import Tensor, nn

from scaling.models.vae import VAE
from scaling.trial import VaeTrial

Precision = Literal["float32", "bf16"]


def resolve(trial: VaeTrial, side: int, device: torch.device) -> Precision:
    """What `auto` means: bf16 for convolutions on large images where the processor has it."""
    if trial.precision != "auto":
        return trial.precision
    return "bf16" if trial.trains_in_bf16(side) and has_bf16(device) else "float32"


def has_bf16(device: torch.device) -> bool:
    """Whether the processor itself computes in bf16; emulated, it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def trained_in(precision: Precision, vae: VAE) -> VAE:
    """The VAE as training steps see it: the same weights, its networks in the precision."""
    if precision == "float32":
        return vae
    encoder, decoder = _Bf16(vae.encoder), _Bf16(vae.decoder, cast=False)
    return VAE(encoder, decoder, vae.likelihood, vae.levels)


class _Bf16(nn.Module):
    """A network that computes in bf16 from float32 weights, `cast` back to float32.

    A likelihood takes its parameters in bf16 and casts them itself.
    """

    def __init__(self, network: nn.Module, cast: bool = True) -> None:
        super().__init__()
        self.network, self.cast = network, cast

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            y = self.network(x)
        return y.float() if self.cast else y
