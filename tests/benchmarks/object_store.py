"""Compares reading a chunk, as a trial does, from Ray's object store and from its file.

The chunk has the size of CIFAR-10's; the file is in the machine's cache, so the baseline is the
best that a disk can do.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ray

from scaling.cluster.limits import Caps, Limits
from scaling.cluster.object_store import Chunks
from scaling.cluster.session import connected
from tests.benchmarks.results import Result

SHAPE = (50_000, 3, 32, 32)
FASTER = 20.0
ROUNDS = 9


def measure() -> list[Result]:
    """Measures wall-clock milliseconds per chunk in a worker, since a read waits."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        chunk = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
        np.save(root / "chunk.npy", chunk)
        with connected("local", root, root / "ray.log", Limits(Caps()), 0.0):
            shared = Chunks(root, root, {}, (ray.put(chunk),))
            work = ray.remote(num_cpus=1)(_both)
            ours, baseline = ray.get(work.remote(shared, root / "chunk.npy"))
    name = f"a chunk of {chunk.nbytes / 1e6:.0f} MB from the object store"
    return [Result(name, baseline / ours, FASTER, ours, baseline, "ms")]


def _both(shared: Chunks, file: Path) -> list[float]:
    reads: tuple[Callable[[], np.ndarray], ...] = (lambda: shared.read(0), lambda: np.load(file))
    spent: tuple[list[float], ...] = ([], [])
    for _ in range(ROUNDS + 1):
        for read, milliseconds in zip(reads, spent, strict=True):
            start = time.perf_counter()
            read()
            milliseconds.append(1000 * (time.perf_counter() - start))
    return [statistics.median(each[1:]) for each in spent]
