"""Files that appear whole or not at all, and JSON in them."""

import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of the disk inside names the file: a write that fails tells no more than why."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under `path` whole or not at all.

    Its folder is never made here: one that has vanished is not made up anew behind a run's back.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with naming(path), os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: object) -> None:
    """JSON in place of what stood there."""
    with atomic(path) as stream:
        stream.write(json.dumps(value, indent=1, allow_nan=False).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in the file, or None where it is missing, empty or damaged.

    Numbers that are not finite, which no file of ours holds, are read as null.
    """
    try:
        value = json.loads(path.read_text(), parse_float=_finite, parse_constant=lambda name: None)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _finite(text: str) -> float | None:
    """The number, or None where it is too large for one."""
    number = float(text)
    return number if math.isfinite(number) else None
