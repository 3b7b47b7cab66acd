"""Reads and writes a chunk: uint8 levels (N, C, H, W) as an .npy file of version 1.0, C order.

Header and file size are compared with the pool's record before anything is mapped, so that
neither an incomplete file nor one with a false header is read. Nothing is unpickled.
"""

import ast
import hashlib
import io
import math
import os
from pathlib import Path
from typing import IO

import numpy as np

from scaling.storage.files import atomic

MAGIC = b"\x93NUMPY\x01\x00"  # with the version (numpy.lib.format)
HEADER_MAX = 1024  # most bytes of a header; NumPy writes 118 for four dimensions


class ChunkError(Exception):
    """Reports a fault of a chunk's file, as the end of a sentence that begins with its name."""


def file_name(index: int) -> str:
    """Returns the file name of a chunk, such as `chunk-00000.npy`."""
    return f"chunk-{index:05d}.npy"


def write(path: Path, images: np.ndarray) -> str:
    """Writes the images completely or not at all; returns the file's SHA-256."""
    with atomic(path) as stream:
        for part in _parts(images):
            stream.write(part)
    return digest(images)


def digest(images: np.ndarray) -> str:
    """Returns the SHA-256 of a file with these images, without a file."""
    hasher = hashlib.sha256()
    for part in _parts(images):
        hasher.update(part)
    return hasher.hexdigest()


def _parts(images: np.ndarray) -> tuple[bytes, memoryview]:
    """Returns header and data of the file."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": images.shape}
    )
    return head.getvalue(), np.ascontiguousarray(images).reshape(-1).data


def mapped(path: Path, shape: tuple[int, ...], root: Path) -> np.ndarray:
    """Maps the file's images (N, C, H, W) into memory, read-only, without reading or copying them.

    Raises ChunkError for a file that is missing, outside the root, or not exactly an array of that
    shape.
    """
    if not path.resolve().is_relative_to(root.resolve()):
        raise ChunkError(f"is a symbolic link out of {root}")
    if not path.is_file():
        raise ChunkError("is missing")
    try:
        with open(path, "rb") as stream:
            view = np.memmap(stream, np.uint8, "r", _data_start(stream, shape), shape)
    except OSError as error:
        raise ChunkError(f"cannot be read ({error.strerror})") from None
    return view.view(np.ndarray)  # Ray would copy a subclass into its object store


def sha256(path: Path) -> str:
    """Returns the SHA-256 of the whole file with its header.

    Raises ChunkError if it cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ChunkError(f"cannot be read ({error.strerror})") from None


def _data_start(stream: IO[bytes], shape: tuple[int, ...]) -> int:
    """Returns the offset of the data; raises ChunkError for a wrong header or size."""
    head = stream.read(len(MAGIC) + 2)
    if not head.startswith(MAGIC):
        raise ChunkError("is not an .npy file of version 1.0")
    length = int.from_bytes(head[len(MAGIC) :], "little")
    start, size = len(MAGIC) + 2 + length, os.fstat(stream.fileno()).st_size
    header = _header(stream.read(length)) if length <= HEADER_MAX else None
    if header is None:
        raise ChunkError("has a header that cannot be read")
    if header.get("descr") != "|u1" or header.get("fortran_order") is not False:
        raise ChunkError(f"has {str(header.get('descr'))[:20]!r} data instead of uint8 levels")
    if header != {"descr": "|u1", "fortran_order": False, "shape": shape}:
        raise ChunkError(f"has the shape {str(header.get('shape'))[:40]} instead of {shape}")
    if size != start + math.prod(shape):
        raise ChunkError(f"has {size} bytes instead of {start + math.prod(shape)}")
    return start


def _header(text: bytes) -> dict[str, object] | None:
    try:
        header = ast.literal_eval(text.decode("latin1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return header if isinstance(header, dict) else None
