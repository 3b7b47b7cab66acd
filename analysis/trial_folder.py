"""A trial's folder on disk: what its three files say, whatever state a crash has left them in.

A damaged file costs what it holds and nothing more: a torn line of `rows.jsonl` that line, a
missing or damaged `done.json` the certainty that the trial has ended (it is then "partial").
What is found here is what a launch finds: `tests/damaged_folders.py` holds both to one table.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

SOURCE_DEFAULTS = {  # normal training: a point in the space of training distributions (section 4.1)
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
FORMAT = 1  # of trial.json, study.json, done.json and parquet: the newest that is read here
DECODER = json.JSONDecoder()
POOL_FIELDS = ("k", "diffusion_share", "pool")  # which samples, not which kind of source


class ResultsError(Exception):
    """What is wrong with the results, in one sentence; what to type next, in another."""


class NewerFormat(ResultsError):
    """A file that a newer version of this project wrote, or none of its files."""


@dataclass(frozen=True)
class TrialFolder:
    """One trial as found on disk; `fields` is None where trial.json is missing or damaged."""

    key: str
    state: (
        str  # done, failed, censored, partial, waiting (nothing yet) or unreadable (no trial.json)
    )
    fields: dict[str, object] | None
    rows: list[dict[str, object]]
    epoch: int = 0  # reached, by done.json or the last row
    error: str = ""


def read_json(path: Path) -> dict[str, object] | None:
    """The JSON object in a file; None where the file is missing, empty, damaged or no object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_versioned(path: Path) -> dict[str, object] | None:
    """The object in a JSON file without its format; raises ResultsError where that is not known.

    Files without a format were made before there were versions, and are read the same way.
    """
    values = read_json(path)
    if values is not None:
        check_format(path, values.pop("format", 0))
    return values


def check_format(path: Path, found: object) -> None:
    """Raises ResultsError where a file's format is not among those that are read here."""
    if type(found) is not int or not 0 <= found <= FORMAT:
        raise NewerFormat(
            f"{path} is of format {found!r}, and the newest that this version reads is {FORMAT}. "
            "Install a newer version of scaling-vae, or give other results with --results."
        )


def read_trial(folder: Path, epochs: int | None = None) -> TrialFolder:
    """The trial in `folder`, its rows cut after the epochs that a study asked for (None: all)."""
    trial, done = read_versioned(folder / "trial.json"), _done(folder / "done.json")
    rows = read_rows(folder / "rows.jsonl")
    reached = _epoch(rows[-1]) if rows else 0
    state = _state(done, reached, epochs, {_epoch(row) for row in rows})
    if trial is None:
        state = "unreadable" if folder.exists() else "waiting"
    elif state == "partial" and not rows:
        state = "waiting"
    kept = [row for row in rows if epochs is None or _epoch(row) <= epochs]
    if state == "censored":
        kept = [row | {"censored": str(done["censored"])} for row in kept]
    error = str(done.get("error") or "") if state == "failed" else ""
    fields = flat_fields(trial) if trial else None
    return TrialFolder(folder.name, state, fields, kept, max(_epoch(done), reached), error)


def _done(path: Path) -> dict[str, object]:
    """The content of a valid `done.json`, else nothing; of a failure the epoch may be 0."""
    done = read_versioned(path) or {}
    epoch = done.get("epoch")
    valid = type(epoch) is int and epoch >= 0 and done.get("state") in ("done", "failed")
    return done if valid and _listed(done) is not None else {}


def _listed(done: dict[str, object]) -> list[int] | None:
    """The epochs of a trial's rows by its `done.json`, none in older ones; None if damaged."""
    listed = done.get("rows", [])
    if not isinstance(listed, list):
        return None
    epochs = [value for value in listed if type(value) is int and value >= 1]
    return epochs if len(epochs) == len(listed) else None


def _state(done: dict[str, object], reached: int, epochs: int | None, there: set[int]) -> str:
    """What a study of so many epochs finds, with rows at the epochs `there` up to `reached`.

    Nothing is done without its `done.json`, the rows that it lists up to these epochs, and one at
    them or beyond; a longer run that failed later has done its part. One that ended early by its
    own rule is censored.
    """
    if done.get("state") == "failed":
        return "done" if epochs is not None and reached > epochs else "failed"
    ended = _epoch(done)
    if done.get("censored") and (epochs is None or ended < epochs):
        return "censored" if reached >= ended else "partial"
    enough = ended if epochs is None else epochs
    lost = any(epoch <= enough and epoch not in there for epoch in _listed(done) or ())
    return "done" if ended and min(ended, reached) >= enough and not lost else "partial"


def read_rows(path: Path) -> list[dict[str, object]]:
    """The measured epochs, ascending; of an epoch written twice the later line counts."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    whole = _whole(lines)
    found = [row for line in lines for row in _rows_in(line)] if whole is None else whole
    rows = {_epoch(row): row for row in found}
    return [_measured(rows[epoch]) for epoch in sorted(rows) if epoch]


def _measured(row: dict[str, object]) -> dict[str, object]:
    """The row without numbers that are not finite: they count as not measured."""
    if all(math.isfinite(value) for value in row.values() if isinstance(value, float)):
        return row  # the usual case, without a copy
    return {n: v for n, v in row.items() if not isinstance(v, float) or math.isfinite(v)}


def _whole(lines: list[bytes]) -> list[dict[str, object]] | None:
    """The rows of an undamaged file, parsed in one go (a third faster); None for any other."""
    lines = [line for line in lines if line]
    try:
        rows = json.loads(b"[%s]" % b",".join(lines))
    except (ValueError, RecursionError):
        return None
    alone = len(rows) == len(lines) and all(isinstance(row, dict) for row in rows)
    return rows if alone else None


def _rows_in(line: bytes) -> list[dict[str, object]]:
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


def _epoch(row: dict[str, object]) -> int:
    """The row's epoch, from 1; 0 where it is missing or no whole number."""
    epoch = row.get("epoch")
    return epoch if type(epoch) is int and epoch >= 1 else 0


def flat_fields(trial: dict[str, object]) -> dict[str, object]:
    """The trial's fields; a nested `source` becomes its short name and `source_real_share`, ..."""
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
    """normal, dmaapx, aug_naive, aug_tuned, mollify, or the changed fields (`real_share=0.4`)."""
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
