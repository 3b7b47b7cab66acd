"""Reads a trial's folder, in whatever state a crash has left its three files.

A damaged file costs what it contains and nothing more: a torn line of `rows.jsonl` costs that line,
and without a valid `done.json` the trial counts as "partial". A launch reads a folder in the same
way: tests/damaged_folders.py checks both readers by one table.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import NewerFormat

SOURCE_DEFAULTS = {  # normal training, as a point in the space of sources (section 4.1)
    "real_share": 1.0,
    "k": None,
    "diffusion_share": 1.0,
    "pool": None,
    "pool_order": "chunks",
    "mix": "batch",
    "augment": None,
    "augment_strength": "normal",
    "augment_probability": None,
    "augment_flip": "coin",
    "augment_filter": "bilinear",
    "augment_shift": 0.0,
    "keep_real": False,
    "mollify_epochs": 0,
    "requantise": True,
}
FORMAT = 1  # newest known format of trial.json, study.json, done.json and parquet
DECODER = json.JSONDecoder()
POOL_FIELDS = ("k", "diffusion_share", "pool")  # fields that select samples, not the kind of source


@dataclass(frozen=True)
class TrialFolder:
    """Holds a trial as found on disk; `fields` is None if trial.json is missing or damaged."""

    key: str
    state: (
        str  # done, failed, censored, partial, waiting (nothing yet) or unreadable (no trial.json)
    )
    fields: dict[str, object] | None
    rows: list[dict[str, object]]
    epoch: int = 0  # the last epoch by done.json or the last row
    error: str = ""


def read_json(path: Path) -> dict[str, object] | None:
    """Reads the JSON object in a file, None if it is missing, empty, damaged or not an object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_versioned(path: Path) -> dict[str, object] | None:
    """Reads the object in a JSON file without its entry `format`.

    Files without a format are older than formats, and are read the same way. Raises ResultsError if
    the format is not known.
    """
    values = read_json(path)
    if values is not None:
        check_format(path, values.pop("format", 0))
    return values


def check_format(path: Path, number: object) -> None:
    """Raises ResultsError if a file's format is not known here."""
    if type(number) is not int or not 0 <= number <= FORMAT:
        raise NewerFormat(
            f"{path} is of format {number!r}, and the newest that this version reads is {FORMAT}. "
            "Install a newer version of scaling-vae, or give other results with --results."
        )


def read_trial(folder: Path, epochs: int | None = None) -> TrialFolder:
    """Reads the trial in `folder` with its rows up to the requested `epochs` (None: all)."""
    trial, done = read_versioned(folder / "trial.json"), _done(folder / "done.json")
    rows = read_rows(folder / "rows.jsonl")
    reached = _epoch(rows[-1]) if rows else 0
    state = _state(done, reached, epochs, {_epoch(row) for row in rows})
    if trial is None:
        state = "unreadable" if folder.exists() else "waiting"
    elif state == "partial" and not rows:
        state = "waiting"
    selected = [row for row in rows if epochs is None or _epoch(row) <= epochs]
    if state == "censored":
        selected = [row | {"censored": str(done["censored"])} for row in selected]
    error = str(done.get("error") or "") if state == "failed" else ""
    fields = flat_fields(trial) if trial else None
    return TrialFolder(folder.name, state, fields, selected, max(_epoch(done), reached), error)


def _done(path: Path) -> dict[str, object]:
    """Reads `done.json`, {} if it is not valid; a failed trial may have epoch 0."""
    done = read_versioned(path) or {}
    epoch = done.get("epoch")
    valid = type(epoch) is int and epoch >= 0 and done.get("state") in ("done", "failed")
    return done if valid and _listed(done) is not None else {}


def _listed(done: dict[str, object]) -> list[int] | None:
    """Returns the epochs of rows that `done.json` lists, [] in old ones; None if damaged."""
    listed = done.get("rows", [])
    if not isinstance(listed, list):
        return None
    epochs = [value for value in listed if type(value) is int and value >= 1]
    return epochs if len(epochs) == len(listed) else None


def _state(done: dict[str, object], reached: int, epochs: int | None, measured: set[int]) -> str:
    """Returns the state of a trial for a study of `epochs`.

    It has rows of the epochs `measured`, up to `reached`. A trial is done if it has its
    `done.json`, the rows that this lists up to `epochs`, and one at `epochs` or later. A longer run
    that failed after `epochs` is done too. A trial that ended early by its own rule is censored.
    """
    if done.get("state") == "failed":
        return "done" if epochs is not None and reached > epochs else "failed"
    ended = _epoch(done)
    if done.get("censored") and (epochs is None or ended < epochs):
        return "censored" if reached >= ended else "partial"
    enough = ended if epochs is None else epochs
    lost = any(epoch <= enough and epoch not in measured for epoch in _listed(done) or ())
    return "done" if ended and min(ended, reached) >= enough and not lost else "partial"


def read_rows(path: Path) -> list[dict[str, object]]:
    """Reads the measured epochs in ascending order; of equal ones the last line counts."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    all_rows = _whole(lines)
    parsed = [row for line in lines for row in _rows_in(line)] if all_rows is None else all_rows
    rows = {_epoch(row): row for row in parsed}
    return [_measured(rows[epoch]) for epoch in sorted(rows) if epoch]


def _measured(row: dict[str, object]) -> dict[str, object]:
    """Removes numbers that are not finite from a row: they count as not measured."""
    if all(math.isfinite(value) for value in row.values() if isinstance(value, float)):
        return row  # the usual case, without a copy
    return {n: v for n, v in row.items() if not isinstance(v, float) or math.isfinite(v)}


def _whole(lines: list[bytes]) -> list[dict[str, object]] | None:
    """Parses the rows of an undamaged file in one go (a third faster); None for any other."""
    lines = [line for line in lines if line]
    try:
        rows = json.loads(b"[%s]" % b",".join(lines))
    except (ValueError, RecursionError):
        return None
    alone = len(rows) == len(lines) and all(isinstance(row, dict) for row in rows)
    return rows if alone else None


def _rows_in(line: bytes) -> list[dict[str, object]]:
    """Parses a line's rows: one, none if torn, or one after a torn start without a newline."""
    try:
        value = json.loads(line)
        return [value] if isinstance(value, dict) else []
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


def _epoch(row: dict[str, object]) -> int:
    """Returns the row's epoch, which is at least 1; 0 if it is missing or not a whole number."""
    epoch = row.get("epoch")
    return epoch if type(epoch) is int and epoch >= 1 else 0


def flat_fields(trial: dict[str, object]) -> dict[str, object]:
    """Flattens a trial's fields; `source` becomes its short name and `source_real_share`, ..."""
    flat: dict[str, object] = {}
    for name, value in trial.items():
        if not isinstance(value, dict):
            flat[name] = value
            continue
        if name == "source":
            flat["source"] = source_name(value)
        flat |= {f"{name}_{part}": inner for part, inner in value.items()}
    return flat


def source_name(source: dict[str, object]) -> str:
    """Returns the name of a source: normal, dmaapx, aug_naive, aug_tuned, mollify, ...

    Another one is named by its changed fields, as in `real_share=0.4`.
    """
    changed = {n: v for n, v in source.items() if v != SOURCE_DEFAULTS.get(n) and n != "pool"}
    kind = {name: value for name, value in changed.items() if name not in POOL_FIELDS}
    if not kind:
        return "normal"
    if kind == {"real_share": 0.0}:
        return "dmaapx"
    if kind in ({"augment": "naive"}, {"augment": "tuned"}):
        return f"aug_{kind['augment']}"
    if set(kind) == {"mollify_epochs"}:
        return "mollify"
    return ",".join(f"{name}={value}" for name, value in changed.items())
