"""Pools: diffusion samples on disk in chunks of |D_train| images (sections 4.1 and 5.4).

A folder with `chunk-00000.npy ...` and `pool.json`: what the pool is, and of each finished chunk
the SHA-256 and the first seed. One seed an image: image i does not depend on who made it.
What builds a pool is in `pool_build`, what takes other people's samples in `pool_import`.
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
    """A pool to read from. `chunks` maps the recorded indices to their SHA-256."""

    path: Path
    root: Path  # the folder of all pools
    spec: PoolSpec
    chunks: Mapping[int, str]

    @classmethod
    def load(cls, path: Path, root: Path) -> "Pool":
        """The pool of a valid `pool.json`, whatever state the chunks are in."""
        if not (path / "pool.json").exists():
            names = [other.parent.name for other in root.glob("*/pool.json")]
            raise UsageError(
                f"There is no pool.json in {path}: no such pool, or an unfinished one. "
                f"{did_you_mean(path.name, names)}Pools here: {listed(names) or 'none'}. "
                f"One is made by: {pool_command(root, 'build', 'MODEL')}"
            )
        for file in (path, path / "pool.json"):
            if not file.resolve().is_relative_to(root.resolve()):
                raise UsageError(f"{file} is a symbolic link out of {root}. Put the pool there.")
        return cls(path, root, *read_record(path))

    @classmethod
    def open(cls, path: Path, root: Path) -> "Pool":
        """The pool with at least one chunk, each checked by its header and size, none read.

        Raises UsageError, by name, for a pool or chunk that is missing, damaged or a link out.
        """
        pool = cls.load(path, root)
        if pool.k == 0:
            raise UsageError(
                f"The pool {pool.name} is unfinished: its first chunk is not there yet. "
                f"{pool.spec.how_to_mend(1, root)}"
            )
        for index in pool.chunks:
            pool.read(index)
        return pool

    @property
    def k(self) -> int:
        """Finished chunks from the first on without a gap."""
        return next(i for i in range(len(self.chunks) + 1) if i not in self.chunks)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one chunk in memory."""
        return int(np.prod(self.spec.chunk_shape))

    def read(self, index: int) -> np.ndarray:
        """A read-only view (N, C, H, W) of a chunk, mapped from the file: copy what you change."""
        if index not in self.chunks:
            raise UsageError(
                f"Chunk {index} of the pool {self.name} is not finished. "
                f"{self.spec.how_to_mend(index + 1, self.root)}"
            )
        try:
            return chunk.mapped(self._file(index), self.spec.chunk_shape, self.root)
        except ChunkError as error:
            raise self._refusal(index, error) from None

    def check(self, index: int) -> str:
        """Reads the chunk's file; its SHA-256, or UsageError where it is not the recorded one."""
        self.read(index)
        try:
            found = chunk.sha256(self._file(index))
            if found != self.chunks[index]:
                raise ChunkError("is not what was written (its SHA-256 differs)")
        except ChunkError as error:
            raise self._refusal(index, error) from None
        return found

    def verify(self) -> list[int]:
        """Reads all recorded chunks; the indices of those that are damaged or missing."""
        return [index for index in sorted(self.chunks) if not self._intact(index)]

    def check_for(
        self,
        dataset: str,
        levels: int,
        shape: tuple[int, ...],
        images_per_chunk: int,
        k: int | None = None,
    ) -> None:
        """Raises UsageError where a study of such images that reads k chunks cannot use it."""
        images = {"dataset": dataset, "levels": levels, "shape": tuple(shape)}
        asked = images | {"images_per_chunk": images_per_chunk}
        for name, value in asked.items():
            if getattr(self.spec, name) != value:
                raise UsageError(
                    f"The pool {self.name} has {name}={getattr(self.spec, name)}, and "
                    f"{name}={value} is needed. Choose another with --set source.pool=NAME."
                )
        if k is not None and k > self.k:
            raise UsageError(
                f"The pool {self.name} has {self.k} chunks, and k={k} needs {k}. "
                f"{self.spec.how_to_mend(k, self.root)}"
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
    """Lines for the console."""
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
        mended = spec.how_to_mend(max(pool.chunks) + 1, pool.root)
        lines.append(f"          {beyond} more, after a gap: {mended}")
    if spec.model is not None:
        lines.append(f"model     {spec.model}, {spec.epochs} epochs")
    if spec.sampler is not None:
        seeds = f"seeds 0 to {spec.seeds(pool.k)[0] - 1}"
        lines.append(f"sampler   {', '.join(f'{n} {v}' for n, v in spec.sampler.items())}; {seeds}")
    return lines + ([f"source    {spec.source}"] if spec.source else [])
