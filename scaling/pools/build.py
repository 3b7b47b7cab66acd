"""Builds pools with many processes at once, and continues, extends and repairs them.

The driver calls `create`, then `settle`; any process calls `write_chunk`; the driver passes the
returned checksums to `record`. Repeating this continues after a kill, and a larger k extends the
pool; a finished chunk is never sampled again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from scaling.errors import UsageError
from scaling.pools import chunk
from scaling.pools.chunk import ChunkError
from scaling.pools.spec import PoolSpec, read_record, write_record
from scaling.storage.files import remove_abandoned

PART_IMAGES = 1024  # most images lost by a kill; a multiple of every batch, so that sums are equal


def create(path: Path, spec: PoolSpec) -> None:
    """Writes a `pool.json` without chunks, unless there is one of an equal pool.

    Raises UsageError if the folder contains another pool or chunks without a `pool.json`.
    """
    if not (path / "pool.json").exists():
        if any(path.glob("chunk-*")):
            raise UsageError(f"{path} contains chunks but no pool.json. Move that folder away.")
        if path.name != spec.name:
            raise UsageError(
                f"The folder {path} is not named {spec.name}, like its pool. Rename it."
            )
        path.mkdir(parents=True, exist_ok=True)
        write_record(path, spec, {})
        return
    existing, _ = read_record(path)
    if existing != spec:
        old, new = asdict(existing), asdict(spec)
        differ = (name for name in old if old[name] != new[name] and name != "source")
        raise UsageError(
            f"The pool {spec.name} was created with "
            f"{', '.join(f'{name}={old[name]} (now {new[name]})' for name in differ)}. "
            "Move its folder away, or give another --results folder."
        )


def missing(path: Path, k: int) -> list[int]:
    """Returns the unfinished chunks below k: not recorded, or incomplete by header and size.

    It writes nothing. A complete chunk that a killed process left unrecorded counts as missing
    until `settle` records it.
    """
    spec, sums = read_record(path)
    return [i for i in range(k) if i not in sums or not _is_whole(path, spec, i)]


def settle(path: Path, k: int) -> list[int]:
    """Cleans up after a killed process and returns the chunks below k that are still missing.

    Unrecorded complete chunks are hashed and recorded (a file gets that name only when it is
    complete); parts of complete chunks and old temporary files are removed. Only the driver may
    call this.
    """
    spec, sums = read_record(path)
    remove_abandoned(path)
    whole = [index for index in range(k) if _is_whole(path, spec, index)]
    for index in whole:
        drop_parts(path, index)
    hashes = {i: chunk.sha256(path / chunk.file_name(i)) for i in whole if i not in sums}
    if hashes:
        record(path, hashes)
    return sorted(set(range(k)) - set(whole))


def write_chunk(path: Path, index: int, images: np.ndarray) -> str:
    """Writes a chunk completely or not at all, and returns its SHA-256; `pool.json` is unchanged.

    An existing complete chunk is kept, so that a second process with the same task cannot change
    what was recorded. Raises ValueError for images that are not uint8 levels (N, C, H, W) of the
    pool.
    """
    spec, _ = read_record(path)
    if images.dtype != np.uint8 or images.shape != spec.chunk_shape:
        raise ValueError(
            f"{images.dtype} {images.shape} is not a chunk of {spec.name}, which is "
            f"uint8 {spec.chunk_shape}"
        )
    if images.max() >= spec.levels:
        raise ValueError(
            f"level {images.max()} in a chunk of {spec.name}, which has {spec.levels} levels"
        )
    file = path / chunk.file_name(index)
    return chunk.sha256(file) if _is_whole(path, spec, index) else chunk.write(file, images)


def in_parts(path: Path, index: int, sample: Callable[[Sequence[int]], np.ndarray]) -> np.ndarray:
    """Samples the images of a chunk in parts; `sample` maps seeds to uint8 levels (N, C, H, W).

    Each part stays on disk until `drop_parts`, so that samples of a killed process are not lost.
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
    """Removes the parts of a chunk that has been written."""
    for file in path.glob(f"{_parts(index)}*.npy"):
        file.unlink(missing_ok=True)


def sampled_images(path: Path, k: int) -> int:
    """Counts the images of the first k chunks on disk, including parts of unfinished chunks."""
    spec, _ = read_record(path)
    size = spec.images_per_chunk

    def images_on_disk(index: int) -> int:
        if (path / chunk.file_name(index)).exists():
            return size
        parts = len(list(path.glob(f"{_parts(index)}*.npy")))
        return min(parts * PART_IMAGES, size)  # the last part of a chunk may be smaller

    return sum(map(images_on_disk, range(k)))


def _parts(index: int) -> str:
    return f"part-{index:05d}-"


def record(path: Path, sums: Mapping[int, str]) -> None:
    """Adds finished chunks (index -> SHA-256) to `pool.json`. Only the driver may call this."""
    spec, recorded = read_record(path)
    write_record(path, spec, recorded | dict(sums))


def discard(path: Path, indices: Iterable[int]) -> None:
    """Removes chunks, so that they are sampled again. Only the driver may call this."""
    spec, sums = read_record(path)
    discarded = set(indices)
    for index in discarded:  # files first, since `settle` would record an unrecorded file
        (path / chunk.file_name(index)).unlink(missing_ok=True)
    write_record(path, spec, {i: digest for i, digest in sums.items() if i not in discarded})


def _is_whole(path: Path, spec: PoolSpec, index: int) -> bool:
    try:
        chunk.mapped(path / chunk.file_name(index), spec.chunk_shape, path.parent)
    except ChunkError:
        return False
    return True
