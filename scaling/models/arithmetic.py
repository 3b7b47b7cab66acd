"""How exactly a diffusion model's network multiplies: float32, TF32 or bf16, always float32 sums.

| | bits of a product's factors | where |
|---|---|---|
| float32 | 24 | the published arithmetic |
| tf32 | 11, range of float32 | NVIDIA GPUs from Ampere on; elsewhere it is float32 |
| bf16 | 8, range of float32 | weights, normalizations and all outside of the network stay float32 |
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch

from scaling.models.full_float32 import full_float32

Arithmetic = Literal["float32", "tf32", "bf16"]


@contextmanager
def products_in(arithmetic: Arithmetic) -> Iterator[None]:
    """Inside, GPUs round factors of float32 products to TF32 if that is asked for.

    Forward and backward; as it was outside. Not with "float32", whatever was set outside.
    """
    matrices, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, convolutions.allow_tf32
    with full_float32(arithmetic == "float32"):
        if arithmetic != "bf16":
            matrices.allow_tf32 = arithmetic == "tf32"
        if arithmetic == "tf32":
            convolutions.allow_tf32 = True
        try:
            yield
        finally:
            matrices.allow_tf32, convolutions.allow_tf32 = before


def networks_in(
    arithmetic: Arithmetic, device: str | torch.device
) -> AbstractContextManager[object]:
    """Inside, networks on the device compute forward in bf16 if that is asked for."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=arithmetic == "bf16")
