"""Building a pool: from many processes at once, killed and continued, grown, mended.

The driver calls `create`, then `missing`; any process calls `write_chunk`; the driver `record`s
what they return. The same again goes on after a kill, and with a larger k it grows the pool:
a finished chunk is never sampled again.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from scaling.checked import UsageError
from scaling.data import chunk
from scaling.data.chunk import ChunkError
from scaling.data.pool_spec import PoolSpec, read_record, write_record

STALE_SECONDS = 60 * 60  # a chunk is written in seconds: an older temporary file is a dead one's


def create(path: Path, spec: PoolSpec) -> None:
    """Writes a `pool.json` without chunks, or leaves that of an equal pool.

    Raises UsageError where another pool, or what is left of one, lies there.
    """
    if not (path / "pool.json").exists():
        if any(path.glob("chunk-*")):
            raise UsageError(f"{path} holds chunks without a pool.json. Move that folder away.")
        if path.name != spec.name:
            raise UsageError(f"The pool {spec.name} cannot lie in {path}. Rename one of them.")
        path.mkdir(parents=True, exist_ok=True)
        write_record(path, spec, {})
        return
    there, _ = read_record(path)
    if there != spec:
        old, new = asdict(there), asdict(spec)
        differ = (name for name in old if old[name] != new[name] and name != "source")
        raise UsageError(
            f"The pool {spec.name} was made with "
            f"{', '.join(f'{name}={old[name]} (now {new[name]})' for name in differ)}. "
            "Move its folder away, or give another --results folder."
        )


def missing(path: Path, k: int) -> list[int]:
    """The chunks below k that are not finished, by header and size.

    Whole files that a killed builder left unrecorded are hashed and recorded: a file of that name
    appears only when it is complete.
    """
    spec, sums = read_record(path)
    _remove_stale(path)
    whole = [index for index in range(k) if _is_whole(path, spec, index)]
    found = {i: chunk.sha256(path / chunk.file_name(i)) for i in whole if i not in sums}
    if found:
        record(path, found)
    return sorted(set(range(k)) - set(whole))


def write_chunk(path: Path, index: int, images: np.ndarray) -> str:
    """Writes a chunk, whole or not at all, and returns its SHA-256; leaves `pool.json` alone.

    A whole chunk that is there stays: a late twin of its writer cannot change what was recorded.
    Raises ValueError for images that are not uint8 levels (N, C, H, W) of the pool.
    """
    spec, _ = read_record(path)
    if images.dtype != np.uint8 or images.shape != spec.chunk_shape:
        raise ValueError(
            f"{images.dtype} {images.shape} is no chunk of {spec.name}: uint8 {spec.chunk_shape} is"
        )
    if images.max() >= spec.levels:
        raise ValueError(f"level {images.max()} in a chunk of {spec.name}: below {spec.levels}")
    file = path / chunk.file_name(index)
    return chunk.sha256(file) if _is_whole(path, spec, index) else chunk.write(file, images)


def record(path: Path, sums: Mapping[int, str]) -> None:
    """Adds finished chunks (index -> SHA-256) to `pool.json`. For the driver alone."""
    spec, there = read_record(path)
    write_record(path, spec, there | dict(sums))


def discard(path: Path, indices: Iterable[int]) -> None:
    """Removes chunks, so that they are built again. For the driver alone."""
    spec, sums = read_record(path)
    gone = set(indices)
    for index in gone:  # before the record: a file without one would be taken for a whole chunk
        (path / chunk.file_name(index)).unlink(missing_ok=True)
    write_record(path, spec, {i: digest for i, digest in sums.items() if i not in gone})


def _is_whole(path: Path, spec: PoolSpec, index: int) -> bool:
    try:
        chunk.mapped(path / chunk.file_name(index), spec.chunk_shape, path.parent)
    except ChunkError:
        return False
    return True


def _remove_stale(path: Path) -> None:
    for file in path.glob(".chunk-*"):
        if time.time() - file.stat().st_mtime > STALE_SECONDS:
            file.unlink(missing_ok=True)
