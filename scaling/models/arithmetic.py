"""Sets the precision of products in a diffusion model's network: float32, TF32 or bf16.

Sums are always in float32.

| | significant bits of a factor | notes |
|---|---|---|
| float32 | 24 | the published arithmetic |
| tf32 | 11, range of float32 | on NVIDIA GPUs from Ampere on; elsewhere the same as float32 |
| bf16 | 8, range of float32 | weights, normalizations and all outside the network stay float32 |
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch

from scaling.models.full_float32 import full_float32

Arithmetic = Literal["float32", "tf32", "bf16"]


@contextmanager
def products_in(arithmetic: Arithmetic) -> Iterator[None]:
    """Makes GPUs round the factors of float32 products to TF32 inside the block, under `tf32`.

    That applies to forward and backward passes. Under `float32` nothing is rounded, whatever was
    set before. The previous settings are restored after the block.
    """
    with full_float32(arithmetic != "bf16"):
        if arithmetic == "tf32":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        yield


def networks_in(
    arithmetic: Arithmetic, device: str | torch.device
) -> AbstractContextManager[object]:
    """Makes networks compute forward passes in bf16 inside the block, under `bf16`."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=arithmetic == "bf16")
