"""Prevents PyTorch from rounding the inputs of float32 convolutions to TF32 on a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_float32(wanted: bool = True) -> Iterator[None]:
    """Disables TF32 in convolutions inside the block, if `wanted`, and restores it afterwards."""
    rounds = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = rounds and not wanted
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = rounds
