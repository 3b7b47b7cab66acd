"""Writes files that appear whole or not at all, and reads and writes JSON."""

import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")  # names of the files that `atomic` renames
STALE_SECONDS = 60 * 60  # writing a file takes seconds, so an older temporary file is abandoned
Json = dict[str, object]  # a JSON object as read: whoever uses a value checks its type first


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Adds the file's name to an OSError raised in the block: a failed write names no file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file that replaces `path` when the block ends without an error.

    Its folder is never created: if a user deletes a results folder during a run, the run must fail
    instead of filling a new folder with half of its files.
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


def remove_abandoned(folder: Path) -> None:
    """Removes temporary files that killed processes left in the folder an hour ago or earlier."""
    for file in folder.glob(".*"):
        with suppress(
            OSError
        ):  # as if another process renames its own meanwhile; no work ends here
            if TEMPORARY.fullmatch(file.name) and _age(file) > STALE_SECONDS:
                file.unlink()


def _age(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def write_json(path: Path, value: object) -> None:
    """Writes the value as JSON, replacing the file; raises ValueError for NaN and infinity."""
    with atomic(path) as stream:
        stream.write(json.dumps(value, indent=1, allow_nan=False).encode() + b"\n")


def read_json(path: Path) -> Json | None:
    """Returns the JSON object in the file, or None if the file is missing, empty or damaged.

    Numbers that are not finite, which this project never writes, are read as null.
    """
    try:
        with open(path, "rb", buffering=0) as stream:  # a launch reads very many small files
            value = _DECODER.decode(stream.read().decode())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _finite(text: str) -> float | None:
    """Returns the number, or None if it is too large for a float."""
    number = float(text)
    return number if math.isfinite(number) else None


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=lambda name: None)
