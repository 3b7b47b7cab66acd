"""Convolutions in float32 to its last bit: on a GPU, PyTorch else rounds their inputs to TF32."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_float32(wanted: bool = True) -> Iterator[None]:
    """No TF32 inside, if `wanted`; as it was outside."""
    rounds = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = rounds and not wanted
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = rounds
