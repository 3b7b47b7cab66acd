"""What fits Ray's object store: one rule for the plan and for the launch.

A Ray of our own is started with the store that the plan has counted on; the size of a running
cluster's is known when the launch has joined it.
"""

import shutil
from pathlib import Path

from scaling.trial.machine import memory_bytes

STORE_SHARE = 0.6  # of the object store, at most, goes to pools and data sets
MEMORY_SHARE = 0.3  # of a machine's memory is its object store, as Ray has it
LARGEST_STORE = 200_000_000_000  # bytes, as Ray has it
SHM, SHM_SHARE = Path("/dev/shm"), 0.95  # where the store is, and how much of that it takes
LEAST_SHM = 10_000_000_000  # a store up to this size is in files where shared memory is smaller


def fits(images_bytes: float, store_bytes: float) -> bool:
    """Whether pools and data sets of so many bytes go into an object store of that size."""
    return images_bytes <= STORE_SHARE * store_bytes


def local_store_bytes() -> int:
    """The size of the object store of a Ray that is started on this machine."""
    memory = MEMORY_SHARE * memory_bytes()
    free = shutil.disk_usage(SHM).free if SHM.is_dir() else 0
    return int(min(memory, LARGEST_STORE, max(LEAST_SHM, SHM_SHARE * free)))
