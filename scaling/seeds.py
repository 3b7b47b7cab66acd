"""Randomness from (seed, epoch) only: a resumed run draws what one never stopped would draw."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from numbers and names, the same on every machine."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@contextmanager
def seeded(device: torch.device, *parts: int | str) -> Iterator[None]:
    """PyTorch's generators seeded from the parts inside, as they were outside."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(derive(*parts))
        yield
