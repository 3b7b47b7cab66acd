"""Building a pool: from many processes at once, killed and continued, grown, mended.

The driver calls `create`, then `settle`; any process calls `write_chunk`; the driver `record`s
what they return. The same again goes on after a kill, and with a larger k it grows the pool:
a finished chunk is never sampled again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from scaling.errors import UsageError
from scaling.pools import chunk
from scaling.pools.chunk import ChunkError
from scaling.pools.spec import PoolSpec, read_record, write_record

STALE_SECONDS = 60 * 60  # a chunk is written in seconds: an older temporary file is a dead one's
PART_IMAGES = 1024  # that a kill can cost; a multiple of every batch, so parts change no sums


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
    """The chunks below k that are not finished: not recorded, or not whole by header and size.

    Writes nothing. A whole chunk that a killed builder left unrecorded is missing until `settle`.
    """
    spec, sums = read_record(path)
    return [i for i in range(k) if i not in sums or not _is_whole(path, spec, i)]


def settle(path: Path, k: int) -> list[int]:
    """Tidies up after a killed builder; returns the chunks below k that are still missing.

    Whole files that were left unrecorded are hashed and recorded (a file of that name appears only
    when it is complete); parts of whole chunks and old temporary files are removed. For the driver
    alone.
    """
    spec, sums = read_record(path)
    _remove_stale(path)
    whole = [index for index in range(k) if _is_whole(path, spec, index)]
    for index in whole:
        drop_parts(path, index)
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


def in_parts(path: Path, index: int, sample: Callable[[Sequence[int]], np.ndarray]) -> np.ndarray:
    """The images of a chunk; `sample` makes those of some seeds, uint8 levels (N, C, H, W).

    Each part is kept on disk until `drop_parts`: what a killed builder has sampled is read again.
    """
    spec, _ = read_record(path)
    seeds = spec.seeds(index)
    images = np.empty(spec.chunk_shape, np.uint8)
    for start in range(0, len(seeds), PART_IMAGES):
        part = slice(start, start + PART_IMAGES)
        file = path / f"{_parts(index)}{start:08d}.npy"
        try:
            images[part] = chunk.mapped(file, images[part].shape, path.parent)
        except ChunkError:
            images[part] = sample(seeds[part])
            chunk.write(file, images[part])
    return images


def drop_parts(path: Path, index: int) -> None:
    """Removes the parts of a chunk that is written."""
    for file in path.glob(f"{_parts(index)}*.npy"):
        file.unlink(missing_ok=True)


def sampled_images(path: Path, k: int) -> int:
    """Images of the first k chunks that are on disk, in parts of unfinished chunks too."""
    spec, _ = read_record(path)
    size = spec.images_per_chunk
    whole = [(path / chunk.file_name(index)).exists() for index in range(k)]
    parts = sum(len(list(path.glob(f"{_parts(i)}*.npy"))) for i in range(k) if not whole[i])
    return sum(whole) * size + parts * min(PART_IMAGES, size)


def _parts(index: int) -> str:
    return f"part-{index:05d}-"


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
