"""The rows in `rows.jsonl`, whatever a killed process left of them.

`analysis.trial_folder` reads the same file without this package; tests/damaged_folders.py holds
what both must find.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

from scaling.storage.files import naming

Row = dict[str, Any]  # a line of rows.jsonl: numbers, and words where something is none
TAIL = 2048  # bytes in which the last row is looked for first
DECODER = json.JSONDecoder()
LARGEST = 1e300  # of a number in a row; a whole number in JSON may have a thousand digits


def read_bytes(path: Path) -> bytes:
    """The content of the file; nothing where it cannot be read: writing to it will raise."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def last_epoch(path: Path) -> int:
    """Returns the epoch of the last row, 0 where there is none; of a large file its end is read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            content = file.read()
    except OSError:
        return 0
    if size > TAIL:
        content = content.partition(b"\n")[2]
    rows = parse_rows(content)
    if not rows and size > TAIL:
        rows = parse_rows(read_bytes(path))
    return max((row["epoch"] for row in rows), default=0)


def append(path: Path, row: Row) -> None:
    """Adds the row as a line, on disk when this returns."""
    with naming(path), open(path, "ab") as stream:
        stream.write(json.dumps(row, allow_nan=False).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def parse_rows(content: bytes) -> list[Row]:
    """The rows that can be read, by epoch; of an epoch written twice the later line counts.

    A torn line costs that line, and never a whole row behind it. A number that is not finite
    counts as not measured.
    """
    found = [row for line in content.split(b"\n") if line for row in _rows_in(line)]
    rows = {row["epoch"]: row for row in found if _is_epoch(row.get("epoch"))}
    return [_measured(rows[epoch]) for epoch in sorted(rows)]


def are_epochs(values: object) -> bool:
    """Whether this is a list of epochs, as `done.json` has of a trial's rows."""
    return isinstance(values, list) and all(map(_is_epoch, values))


def _is_epoch(value: object) -> bool:
    """Whether the value is a whole number from 1 on."""
    return type(value) is int and value >= 1


def _rows_in(line: bytes) -> list[Row]:
    """The rows in one line: one, none if torn, or one behind a torn start that lost its newline."""
    try:
        whole = json.loads(line)
        return [whole] if isinstance(whole, dict) else []
    except RecursionError:
        return []
    except ValueError:  # UnicodeDecodeError too
        text = line.decode("utf-8", errors="replace")
    rows, start = [], text.find("{")
    while start >= 0:
        try:
            row, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            rows.append(row)
        start = text.find("{", end)
    return rows


def _measured(row: Row) -> Row:
    return {n: v for n, v in row.items() if not isinstance(v, float) or math.isfinite(v)}


def number_in(values: Row, name: str) -> float:
    """The number of that name; 0 where there is none, as in a row of a damaged file."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if abs(value) < LARGEST else 0.0
