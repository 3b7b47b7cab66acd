"""One chunk on disk: uint8 levels (N, C, H, W) as an .npy file of version 1.0, C order.

The header is compared with what the pool says, and the size with both, before anything is
mapped: neither a torn file nor a header that lies is ever read, and nothing is unpickled.
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

MAGIC = b"\x93NUMPY\x01\x00"  # and the version (numpy.lib.format)
HEADER_MAX = 1024  # bytes; NumPy's header of four dimensions has 118


class ChunkError(Exception):
    """What is wrong with a chunk's file, as the end of a sentence that begins with its name."""


def file_name(index: int) -> str:
    """`chunk-00000.npy` and so on."""
    return f"chunk-{index:05d}.npy"


def write(path: Path, images: np.ndarray) -> str:
    """Puts the images there, whole or not at all; returns the file's SHA-256."""
    with atomic(path) as stream:
        for part in _parts(images):
            stream.write(part)
    return digest(images)


def digest(images: np.ndarray) -> str:
    """The SHA-256 of the file that holds these images, wherever they were read from."""
    found = hashlib.sha256()
    for part in _parts(images):
        found.update(part)
    return found.hexdigest()


def _parts(images: np.ndarray) -> tuple[bytes, memoryview]:
    """Header and data of the file."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": images.shape}
    )
    return head.getvalue(), np.ascontiguousarray(images).reshape(-1).data


def mapped(path: Path, shape: tuple[int, ...], root: Path) -> np.ndarray:
    """A read-only view of the file's images, without a copy and without reading them.

    Raises ChunkError for a file that is missing, lies outside the root, or is not the array of
    that shape to the byte.
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
    return view.view(np.ndarray)  # a subclass would be copied on its way into the object store


def sha256(path: Path) -> str:
    """The SHA-256 of the whole file, header included; ChunkError where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ChunkError(f"cannot be read ({error.strerror})") from None


def _data_start(stream: IO[bytes], shape: tuple[int, ...]) -> int:
    """The offset of the data in a file whose header and size are what they must be."""
    head = stream.read(len(MAGIC) + 2)
    if not head.startswith(MAGIC):
        raise ChunkError("is not an .npy file of version 1.0")
    length = int.from_bytes(head[len(MAGIC) :], "little")
    start, size = len(MAGIC) + 2 + length, os.fstat(stream.fileno()).st_size
    header = _header(stream.read(length)) if length <= HEADER_MAX else None
    if header is None:
        raise ChunkError("has a header that cannot be read")
    if header.get("descr") != "|u1" or header.get("fortran_order") is not False:
        raise ChunkError(f"holds {str(header.get('descr'))[:20]!r} data instead of uint8 levels")
    if header != {"descr": "|u1", "fortran_order": False, "shape": shape}:
        raise ChunkError(f"says the shape {str(header.get('shape'))[:40]} instead of {shape}")
    if size != start + math.prod(shape):
        raise ChunkError(f"has {size} bytes instead of {start + math.prod(shape)}")
    return start


def _header(text: bytes) -> dict[str, object] | None:
    try:
        header = ast.literal_eval(text.decode("latin1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return header if isinstance(header, dict) else None
