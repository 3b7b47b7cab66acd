"""Reads and writes the folder of one trial: its rows, checkpoints and state.

Every function copes with whatever a killed process left there.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

from scaling.errors import UsageError
from scaling.storage import checkpoints
from scaling.storage.checkpoints import State
from scaling.storage.contents import Done
from scaling.storage.files import atomic
from scaling.storage.formats import read_versioned, write_versioned
from scaling.storage.rows import Row, append, are_epochs, parse_rows, read_bytes
from scaling.trial import Trial, from_dict, key, to_dict
from scaling.trial.extensions import UnknownName, needed
from scaling.trial.validation import Validated

if TYPE_CHECKING:
    import numpy as np

OTHER_DEFAULTS = (
    "{} was made by a version with other defaults. Give another --results folder, or move that "
    "trial away."
)
LARGEST_TRIAL = 1 << 20  # a larger trial.json, in bytes, is not read


@dataclass(frozen=True)
class TrialFolder:
    """Represents the folder of one trial; every method copes with damaged and missing files."""

    path: Path

    @property
    def key(self) -> str:
        """Returns the trial's key, which is the folder's name."""
        return self.path.name

    def trial(self) -> Trial:
        """Returns the trial; raises UsageError if it is missing, damaged or not the key's."""
        file = self.path / "trial.json"
        trial = _stored(file)
        if trial is None:
            raise UsageError(f"{file} is missing or damaged. Run the study again.")
        if key(trial) != self.key:
            raise UsageError(f"{self.path} holds {key(trial)}: its name or file was changed.")
        return trial

    def create(self, trial: Trial) -> None:
        """Creates the folder with `trial.json`; raises UsageError if it has another trial."""
        if _describes(self.path / "trial.json", trial):
            return
        stored = _stored(self.path / "trial.json")
        if stored is None:
            self.path.mkdir(parents=True, exist_ok=True)
            _write(self.path / "trial.json", trial)
        elif key(stored) == key(trial) and stored.content and stored != trial:
            _write(self.path / "trial.json", trial)  # the user's data file has moved
        elif stored != trial:
            raise UsageError(OTHER_DEFAULTS.format(self.path))

    def rows(self) -> list[Row]:
        """Returns the readable rows by increasing epoch; a torn line loses that line only."""
        return parse_rows(read_bytes(self.path / "rows.jsonl"))

    def append_row(self, row: Row) -> None:
        """Appends a row as one line, which is on disk when this returns."""
        append(self.path / "rows.jsonl", row)

    def cut_rows(self, epoch: int) -> list[Row]:
        """Removes rows after the epoch and unreadable lines; returns the remaining rows."""
        rows = [row for row in self.rows() if row["epoch"] <= epoch]
        text = _lines(rows)
        if text != read_bytes(self.path / "rows.jsonl"):
            with atomic(self.path / "rows.jsonl") as stream:
                stream.write(text)
        return rows

    def merge_row(self, epoch: int, numbers: Row) -> None:
        """Adds numbers that were measured later to the epoch's row; rewrites the file."""
        rows = [row | numbers if row["epoch"] == epoch else row for row in self.rows()]
        with atomic(self.path / "rows.jsonl") as stream:
            stream.write(_lines(rows, allow_nan=False))

    def merge_arrays(self, arrays: Mapping[str, "np.ndarray"]) -> None:
        """Adds arrays to `arrays.npz`, replacing those of the same name."""
        _merge_arrays(self.path / "arrays.npz", arrays)

    def save_checkpoint(self, state: State) -> bool:
        """Saves the newest checkpoint; returns False, saving nothing, if one is later."""
        return checkpoints.save(self.path, state)

    def keep_model(self, state: State) -> None:
        """Saves the model of the state's epoch for metrics or samples made later."""
        checkpoints.keep(self.path, state)

    def load_checkpoints(self) -> Iterator[State]:
        """Yields the readable checkpoints, the newest first."""
        return checkpoints.load(self.path)

    def finish(self, epoch: int, **facts: object) -> None:
        """Writes `done.json`, the last file: the epoch reached, and facts such as the device."""
        write_versioned(self.path / "done.json", {"state": "done", "epoch": epoch, **facts})

    def fail(self, error: str, **facts: object) -> None:
        """Writes `done.json` for a trial that failed permanently, with the error."""
        failed = {"state": "failed", "epoch": self.reached(), "error": error, **facts}
        write_versioned(self.path / "done.json", failed)

    def reached(self) -> int:
        """Returns the epoch of the last row, 0 if there is none."""
        return max((row["epoch"] for row in self.rows()), default=0)

    def reopen(self) -> None:
        """Removes the record of a failure, so that the trial runs again."""
        if (self.done() or {}).get("state") == "failed":
            (self.path / "done.json").unlink()

    def done(self) -> Done | None:
        """Returns a valid `done.json`, else None; raises UsageError if its format is newer."""
        done = read_versioned(self.path / "done.json") or {}
        epoch = done.get("epoch")  # 0 of a trial that failed before its first row
        valid = type(epoch) is int and epoch >= 0 and done.get("state") in ("done", "failed")
        return cast(Done, done) if valid and are_epochs(done.get("rows", [])) else None

    def state(self, epochs: int) -> str:
        """Returns new, partial, done or failed, for a trial that is to run for `epochs` epochs.

        A trial is done if it has a `done.json` (written last), all rows up to `epochs` that this
        lists, and a row at `epochs` or later. One that its rule ended early (`censored`), or that
        failed after `epochs`, is done too. Raises UsageError for a newer format.
        """
        read_versioned(self.path / "trial.json")
        rows = self.rows()
        return self.state_at(epochs, self.done(), rows[-1]["epoch"] if rows else 0, rows)

    def state_at(
        self, epochs: int, done: Done | None, reached: int, rows: list[Row] | None = None
    ) -> str:
        """Returns the state as `state` does, from a `done.json`, last epoch and rows as read."""
        if done and done["state"] == "failed":
            return "done" if reached > epochs else "failed"
        enough = done["epoch"] if done and done.get("censored") else epochs
        if done and min(done["epoch"], reached) >= enough:
            if not _lost(self.rows() if rows is None else rows, done, epochs):
                return "done"
        has_begun = (self.path / checkpoints.NEWEST).exists() or (self.path / "rows.jsonl").exists()
        return "partial" if has_begun else "new"


def _lines(rows: list[Row], allow_nan: bool = True) -> bytes:
    return b"".join(json.dumps(row, allow_nan=allow_nan).encode() + b"\n" for row in rows)


def _write(path: Path, trial: Trial) -> None:
    values = to_dict(trial)
    modules = needed(values)
    write_versioned(path, values | ({"modules": modules} if modules else {}))


def _lost(rows: list[Row], done: Done, epochs: int) -> bool:
    """Returns True if a row up to `epochs` that `done.json` lists is missing.

    Files of earlier versions list none.
    """
    on_disk = {row["epoch"] for row in rows}
    return any(epoch not in on_disk for epoch in done.get("rows", []) if epoch <= epochs)


def _describes(path: Path, trial: Trial) -> bool:
    """Returns True if a `trial.json` has the values of this very trial; False if unsure."""
    values = None if _is_huge(path) else read_versioned(path)
    return values is not None and values.get("kind") == trial.kind and _equal(values, trial)


def _equal(values: object, part: object) -> bool:
    """Returns True if a JSON object has the value of each field of a dataclass."""
    if not isinstance(values, dict):
        return False
    for name in _names(type(part)):  # type: ignore[arg-type]
        if name not in values:
            return False
        value, stored = getattr(part, name), values[name]
        if stored != value and not (isinstance(value, Validated) and _equal(stored, value)):
            return False
    return True


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """Returns the names of a dataclass's fields."""
    return tuple(field.name for field in fields(kind))


def _stored(path: Path) -> Trial | None:
    """Returns the trial in a `trial.json`, or None if the file is missing or damaged."""
    if _is_huge(path):
        return None
    values = read_versioned(path)
    if values is None:
        return None
    try:
        return from_dict(values)
    except UnknownName:
        raise
    except (
        UsageError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
    ) as error:  # a damaged file has fields of any type
        raise UsageError(
            f"{path} is not a trial of this version: {error} "
            "Use the version that made it, or move that folder away."
        ) from None


def _is_huge(path: Path) -> bool:
    """Returns True if the file is larger than any trial's, so that it is not even read."""
    try:
        return path.stat().st_size > LARGEST_TRIAL
    except OSError:
        return False


def _merge_arrays(path: Path, arrays: Mapping[str, "np.ndarray"]) -> None:
    import numpy as np

    before: dict[str, np.ndarray] = {}
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as old:
            before = {name: old[name] for name in old.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error, NotImplementedError):
        pass  # missing or damaged: replaced below
    with atomic(path) as stream:
        np.savez_compressed(stream, allow_pickle=False, **(before | dict(arrays)))
