"""Shares pools with trials through Ray's object store, or as files where they do not fit.

The driver owns the stored objects. Trials receive the references at run time, by the pool's name,
and never in a configuration. Files are memory-mapped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, OwnerDiedError

from scaling.cluster.keeper import KeeperClient, copied_pool
from scaling.pools.chunk import file_name
from scaling.pools.pool import Pool
from scaling.pools.room import STORE_SHARE, fits
from scaling.storage.mirrored import scratch

GET_SECONDS = 120


@dataclass(frozen=True)
class Chunks:
    """Gives a trial access to a pool: references into the object store, or files."""

    path: Path
    root: Path
    checksums: Mapping[int, str]
    refs: Sequence[Any] = ()
    client: KeeperClient | None = None  # to the files, for nodes that cannot see them

    def read(self, index: int) -> np.ndarray:
        """Returns chunk `index`, uint8 levels (N, C, H, W), read-only and shared.

        If the object store has lost it, it is read from its file.
        """
        if self.refs:
            try:
                return ray.get(self.refs[index], timeout=GET_SECONDS)
            except (OwnerDiedError, ObjectLostError, GetTimeoutError):
                pass
        if self.client is None or self.client.sees:
            return Pool.load(self.path, self.root).read(index)
        with scratch() as local:  # the memory map outlives the file's name
            pool = copied_pool(self.client, self.path.name, local, file_name(index))
            return pool.read(index)


def put_pools(
    pools: Mapping[str, Pool],
    k: Mapping[str, int],
    data_bytes: int,
    say: Callable[[str], None] = lambda line: None,
    client: KeeperClient | None = None,
) -> dict[str, Chunks]:
    """Shares the first k chunks of each pool, by the pool's name.

    They go to the object store if every node has room for them and for `data_bytes` of data sets;
    else trials read files, and `say` reports it.
    """
    nodes = (node["Resources"] for node in ray.nodes() if node["Alive"])
    smallest = min(node.get("object_store_memory", 0.0) for node in nodes)
    need = data_bytes + sum(k[name] * pool.chunk_bytes for name, pool in pools.items())
    in_store = fits(need, smallest)
    if not in_store:
        say(
            f"The pools' {need / 1e6:,.0f} MB do not fit in the {STORE_SHARE * smallest / 1e6:,.0f}"
            " MB that they may take of the object store: trials map the files instead"
        )
    shared = {}
    for name, pool in pools.items():
        checksums = {index: pool.chunks[index] for index in range(k[name])}
        refs = tuple(ray.put(np.asarray(pool.read(i))) for i in checksums) if in_store else ()
        shared[name] = Chunks(pool.path, pool.root, checksums, refs, client)
    return shared
