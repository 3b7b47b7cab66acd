"""Prevents PyTorch from rounding the factors of float32 products to TF32 on a GPU.

By default it rounds those of convolutions. In NVIDIA's containers, whose environment sets
TORCH_ALLOW_TF32_CUBLAS_OVERRIDE, it rounds those of matrices, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_float32(wanted: bool = True) -> Iterator[None]:
    """Disables TF32 inside the block, if `wanted`, and restores the settings afterwards."""
    matrices, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, convolutions.allow_tf32
    if wanted:
        matrices.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        matrices.allow_tf32, convolutions.allow_tf32 = before
