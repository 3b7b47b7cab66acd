"""Decides whether pools fit Ray's object store, with one rule for the plan and for the launch.

A local Ray is started with the store size that the plan assumes; the size in a running cluster is
known when the launch has connected to it.
"""

import shutil
from pathlib import Path

from scaling.trial.machine import memory_bytes

STORE_SHARE = 0.6  # largest share of the object store for pools and data sets
MEMORY_SHARE = 0.3  # share of a machine's memory in its object store, Ray's default
LARGEST_STORE = 200_000_000_000  # bytes, Ray's default
SHM, SHM_SHARE = Path("/dev/shm"), 0.95  # folder of the store, and the share of it that Ray uses
LEAST_SHM = 10_000_000_000  # Ray puts a store up to this size into files if SHM is smaller


def fits(images_bytes: float, store_bytes: float) -> bool:
    """Returns True if pools and data sets of `images_bytes` fit an object store of that size."""
    return images_bytes <= STORE_SHARE * store_bytes


def local_store_bytes() -> int:
    """Returns the bytes of the object store of a Ray that is started on this machine."""
    memory = MEMORY_SHARE * memory_bytes()
    free = shutil.disk_usage(SHM).free if SHM.is_dir() else 0
    return int(min(memory, LARGEST_STORE, max(LEAST_SHM, SHM_SHARE * free)))
