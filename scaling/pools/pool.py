"""Reads pools: diffusion samples on disk in chunks of |D_train| images (sections 4.1 and 5.4).

A pool is a folder with `chunk-00000.npy ...` and a `pool.json`, which describes the pool and
contains the SHA-256 and the first seed of each finished chunk. Every image has a seed of its own,
so it does not depend on the process that draws it. `scaling.pools.build` samples pools, and
`scaling.pools.importing` imports a user's samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scaling.errors import UsageError, did_you_mean, listed
from scaling.pools import chunk
from scaling.pools.chunk import ChunkError
from scaling.pools.spec import PoolSpec, pool_command, read_record


@dataclass(frozen=True)
class Pool:
    """Represents a pool on disk; `chunks` maps the recorded indices to their SHA-256."""

    path: Path
    root: Path  # the folder of all pools
    spec: PoolSpec
    chunks: Mapping[int, str]

    @classmethod
    def load(cls, path: Path, root: Path) -> "Pool":
        """Returns the pool in that folder; raises UsageError if its `pool.json` is not valid."""
        if not (path / "pool.json").exists():
            names = [other.parent.name for other in root.glob("*/pool.json")]
            raise UsageError(
                f"There is no pool.json in {path}: the pool does not exist or is unfinished. "
                f"{did_you_mean(path.name, names)}Pools here: {listed(names) or 'none'}. "
                f"To build one, type: {pool_command(root, 'build', 'MODEL')}"
            )
        for file in (path, path / "pool.json"):
            if not file.resolve().is_relative_to(root.resolve()):
                raise UsageError(f"{file} is a symbolic link out of {root}. Put the pool there.")
        return cls(path, root, *read_record(path))

    @classmethod
    def open(cls, path: Path, root: Path) -> "Pool":
        """Returns the pool after checking header and size of its chunks, without reading them.

        Raises UsageError for a pool without chunks, and for a pool or chunk that is missing,
        damaged or a link out of `root`.
        """
        pool = cls.load(path, root)
        if pool.k == 0:
            raise UsageError(
                f"The pool {pool.name} is unfinished: its first chunk is missing. "
                f"{pool.spec.how_to_get_chunks(1, root)}"
            )
        for index in pool.chunks:
            pool.read(index)
        return pool

    @property
    def k(self) -> int:
        """Returns the number of finished chunks before the first gap."""
        return next(i for i in range(len(self.chunks) + 1) if i not in self.chunks)

    @property
    def name(self) -> str:
        """Returns the pool's name, which is that of its folder."""
        return self.spec.name

    @property
    def chunk_bytes(self) -> int:
        """Returns the bytes of one chunk in memory."""
        return int(np.prod(self.spec.chunk_shape))

    def read(self, index: int) -> np.ndarray:
        """Maps a chunk (N, C, H, W) into memory read-only; raises UsageError if it is damaged."""
        if index not in self.chunks:
            raise UsageError(
                f"Chunk {index} of the pool {self.name} is not finished. "
                f"{self.spec.how_to_get_chunks(index + 1, self.root)}"
            )
        try:
            return chunk.mapped(self._file(index), self.spec.chunk_shape, self.root)
        except ChunkError as error:
            raise self._refusal(index, error) from None

    def check(self, index: int) -> str:
        """Returns the SHA-256 of a chunk's file; raises UsageError if it is not as recorded."""
        self.read(index)
        try:
            digest = chunk.sha256(self._file(index))
            if digest != self.chunks[index]:
                raise ChunkError("is not what was written (its SHA-256 differs)")
        except ChunkError as error:
            raise self._refusal(index, error) from None
        return digest

    def verify(self) -> list[int]:
        """Reads all recorded chunks and returns the indices of damaged or missing ones."""
        return [index for index in sorted(self.chunks) if not self._intact(index)]

    def check_for(
        self,
        dataset: str,
        levels: int,
        shape: tuple[int, ...],
        images_per_chunk: int,
        k: int | None = None,
    ) -> None:
        """Raises UsageError unless the pool has these images, and at least k chunks of them."""
        images = {"dataset": dataset, "levels": levels, "shape": tuple(shape)}
        needed = images | {"images_per_chunk": images_per_chunk}
        for name, value in needed.items():
            if getattr(self.spec, name) != value:
                raise UsageError(
                    f"The pool {self.name} has {name}={getattr(self.spec, name)}, and "
                    f"{name}={value} is needed. {self.spec.how_to_replace}"
                )
        if k is not None and k > self.k:
            raise UsageError(
                f"The pool {self.name} has {self.k} chunks, and k={k} needs {k}. "
                f"{self.spec.how_to_get_chunks(k, self.root)}"
            )

    def _intact(self, index: int) -> bool:
        try:
            self.check(index)
        except UsageError:
            return False
        return True

    def _file(self, index: int) -> Path:
        return self.path / chunk.file_name(index)

    def _refusal(self, index: int, error: ChunkError) -> UsageError:
        return UsageError(
            f"{chunk.file_name(index)} of the pool {self.name} {error}. "
            f"Type: {pool_command(self.root, 'verify', self.name)}"
        )


def info(pool: Pool) -> list[str]:
    """Returns lines for the console that describe the pool."""
    spec, size = pool.spec, "x".join(map(str, pool.spec.shape))
    megabytes = pool.chunk_bytes / 1e6
    lines = [
        f"pool      {spec.name}",
        f"images    {spec.dataset}: {size}, {spec.levels} levels",
        f"chunks    {pool.k} of {spec.images_per_chunk:,} images, "
        f"{megabytes:,.3f} MB each, {pool.k * megabytes:,.3f} MB together",
    ]
    beyond = len(pool.chunks) - pool.k
    if beyond:
        mended = spec.how_to_get_chunks(max(pool.chunks) + 1, pool.root)
        lines.append(f"          {beyond} more, after a gap: {mended}")
    if spec.model is not None:
        lines.append(f"model     {spec.model}, {spec.epochs} epochs")
    if spec.sampler is not None:
        seeds = f"seeds 0 to {spec.seeds(pool.k)[0] - 1}"
        lines.append(f"sampler   {', '.join(f'{n} {v}' for n, v in spec.sampler.items())}; {seeds}")
    return lines + ([f"source    {spec.source}"] if spec.source else [])
