"""Reads and appends the rows in `rows.jsonl`, even if a killed process left it damaged.

`analysis.storage.trial_folder` reads the same file without this package; tests/damaged_folders.py
states what both must find.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling.storage.files import naming

# One line of rows.jsonl: numbers and texts by column. Which columns there are depends on the kind
# of trial and its metrics, also those of the user's modules.
Row = dict[str, Any]
TAIL = 2048  # bytes at the end of a file that are searched first for its last row
DECODER = json.JSONDecoder()
FINGERPRINT = re.compile(rb'"fingerprint": *"([0-9a-f]+)"')
LARGEST = 1e300  # larger numbers are ignored: JSON allows integers of any length


def read_bytes(path: Path) -> bytes:
    """Returns the file's content, or nothing if it cannot be read: writing to it will raise."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def last_epoch(path: Path) -> int:
    """Returns the epoch of the last row, 0 if there is none; reads the end of a large file."""
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


def last_fingerprint(path: Path) -> str | None:
    """Returns the fingerprint of the images in the last row that has one, else None.

    It reads no other column, since a launch reads this of every trial.
    """
    fingerprints = FINGERPRINT.findall(read_bytes(path))
    return fingerprints[-1].decode() if fingerprints else None


def append(path: Path, row: Row) -> None:
    """Appends the row as one line, which is on disk when this returns."""
    with naming(path), open(path, "ab") as stream:
        stream.write(json.dumps(row, allow_nan=False).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def parse_rows(content: bytes) -> list[Row]:
    """Returns the readable rows by ascending epoch; the last line of an epoch wins.

    A torn line loses that line only, never a whole row after it. A number that is not finite counts
    as not measured.
    """
    all_rows = [row for line in content.split(b"\n") if line for row in _rows_in(line)]
    rows = {row["epoch"]: row for row in all_rows if _is_epoch(row.get("epoch"))}
    return [_measured(rows[epoch]) for epoch in sorted(rows)]


def are_epochs(values: object) -> bool:
    """Returns True if the value is a list of epochs, as `done.json` stores for a trial's rows."""
    return isinstance(values, list) and all(map(_is_epoch, values))


def _is_epoch(value: object) -> bool:
    """Returns True if the value is an integer of at least 1."""
    return type(value) is int and value >= 1


def _rows_in(line: bytes) -> list[Row]:
    """Returns the rows in one line: usually one, or none if the line is torn.

    A torn line that lost its newline may be followed by a whole row on the same line.
    """
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


def number_in(values: Mapping[str, object], name: str) -> float:
    """Returns the number of that name, or 0 if there is none, as in a damaged file's row."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if abs(value) < LARGEST else 0.0
