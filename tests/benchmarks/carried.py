"""Compares a checkpoint sent through Ray by a node without the results folder with a written file.

The time determines how often a trial saves: checkpoints get 0.5 % of its time, and one keeper
serves all nodes, so if N of them at a time take s seconds, each saves every 200 s seconds.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ray

from scaling.cluster.keeper import KeeperClient, client_of
from scaling.cluster.limits import Caps, Limits
from scaling.cluster.session import connected
from scaling.storage.mirrored import Uploader
from tests.benchmarks.results import Result

MEGABYTES = (1, 32, 128)
SENDERS = 2  # at a time, on two cores
SHARE = 0.25  # goal, relative to the speed of writing the file directly
ROUNDS = 2


def measure() -> list[Result]:
    """Measures seconds per checkpoint, the fastest of some interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for sender in range(SENDERS):
            (root / "trials" / str(sender)).mkdir(parents=True)
        with connected("local", root, root / "ray.log", Limits(Caps()), 0.0):
            with client_of(root) as client:
                return [_at(client, root, size, n) for n in (1, SENDERS) for size in MEGABYTES]


def _at(client: KeeperClient, root: Path, megabytes: int, senders: int) -> Result:
    source = root / "source"
    source.write_bytes(np.random.default_rng(0).bytes(megabytes << 20))
    task = ray.remote(num_cpus=0)(_send)

    def through_ray() -> None:
        ray.get([task.remote(client, source, sender) for sender in range(senders)])

    def directly() -> None:
        for sender in range(senders):
            with open(root / f"direct-{sender}", "wb") as stream:
                stream.write(source.read_bytes())
                stream.flush()
                os.fsync(stream.fileno())

    through_ray()  # starts the processes
    times = [(_timed(through_ray), _timed(directly)) for _ in range(ROUNDS)]
    ours, baseline = (min(each) for each in zip(*times, strict=True))
    name = f"a checkpoint of {megabytes} MB from {senders} blind node(s) at a time"
    return Result(name, baseline / ours, SHARE, ours, baseline, "s")


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _send(client: KeeperClient, source: Path, sender: int) -> None:
    place = f"trials/{sender}"
    Uploader(client, place, place, client.begin(place, None)).send(source)
