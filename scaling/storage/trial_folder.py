"""The folder of one trial: its rows, checkpoints and state, whatever a killed process left."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from scaling.errors import UsageError
from scaling.storage import checkpoints
from scaling.storage.files import atomic, naming, read_json, write_json
from scaling.trial import Trial, from_dict, key, to_dict

if TYPE_CHECKING:
    import numpy as np


Row = dict[str, Any]


@dataclass(frozen=True)
class TrialFolder:
    """The folder of one trial; every method may meet a folder that a killed process left."""

    path: Path

    @property
    def key(self) -> str:
        return self.path.name

    def trial(self) -> Trial:
        """The configuration; raises UsageError where it is missing or not that of the key."""
        values = read_json(self.path / "trial.json")
        if values is None:
            raise UsageError(
                f"{self.path / 'trial.json'} is missing or damaged. Run the study again."
            )
        trial = from_dict(values)
        if key(trial) != self.key:
            raise UsageError(
                f"{self.path} holds the trial {key(trial)}: its name or file was changed."
            )
        return trial

    def create(self, trial: Trial) -> None:
        """Writes `trial.json`; refuses a folder that says otherwise about the same key."""
        values = read_json(self.path / "trial.json")
        if values is None:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.path / "trial.json", to_dict(trial))
        elif from_dict(values) != trial:
            raise UsageError(
                f"{self.path} was made by a version with other defaults. "
                "Give another --results folder, or move that trial away."
            )

    def rows(self) -> list[Row]:
        """The rows that can be read, epochs strictly increasing; a torn line costs that line."""
        rows: list[Row] = []
        for line in _lines(self.path / "rows.jsonl"):
            row = _parse(line)
            if row is not None and (not rows or row["epoch"] > rows[-1]["epoch"]):
                rows.append(row)
        return rows

    def append_row(self, row: Row) -> None:
        """A line more, on disk when this returns."""
        path = self.path / "rows.jsonl"
        with naming(path), open(path, "ab") as stream:
            stream.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def cut_rows(self, epoch: int) -> list[Row]:
        """Drops what lies beyond the epoch and lines that cannot be read; returns what is left."""
        rows = [row for row in self.rows() if row["epoch"] <= epoch]
        text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        if text != b"".join(_lines(self.path / "rows.jsonl")):
            with atomic(self.path / "rows.jsonl") as stream:
                stream.write(text)
        return rows

    def merge_row(self, epoch: int, numbers: Row) -> None:
        """Adds numbers that were measured later to the epoch's line; the whole file anew."""
        rows = [row | numbers if row["epoch"] == epoch else row for row in self.rows()]
        with atomic(self.path / "rows.jsonl") as stream:
            for row in rows:
                stream.write(json.dumps(row, allow_nan=False).encode() + b"\n")

    def merge_arrays(self, arrays: Mapping[str, "np.ndarray"]) -> None:
        """Adds arrays to `arrays.npz`, in place of those of the same name."""
        import numpy as np

        path = self.path / "arrays.npz"
        there: dict[str, np.ndarray] = {}
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as old:
                there = {name: old[name] for name in old.files}
        except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
            pass  # missing or damaged: written anew
        with atomic(path) as stream:
            np.savez_compressed(stream, allow_pickle=False, **(there | dict(arrays)))

    def save_checkpoint(self, state: dict[str, Any]) -> bool:
        """Keeps the state as the newest; False where that there is of a higher epoch."""
        return checkpoints.save(self.path, state)

    def load_checkpoints(self) -> Iterator[dict[str, Any]]:
        """The states that can be read, the newest first."""
        return checkpoints.load(self.path)

    def finish(self, epoch: int, **facts: object) -> None:
        """`done.json`, written last: the epoch reached, and on what."""
        write_json(self.path / "done.json", {"state": "done", "epoch": epoch, **facts})

    def fail(self, error: str, **facts: object) -> None:
        """`done.json` of a trial that failed for good."""
        failed = {"state": "failed", "epoch": self.reached(), "error": error, **facts}
        write_json(self.path / "done.json", failed)

    def reached(self) -> int:
        """The epoch of the last row; 0 before the first."""
        return max((row["epoch"] for row in self.rows()), default=0)

    def reopen(self) -> None:
        """Forgets a failure, so that the trial runs again."""
        if (self.done() or {}).get("state") == "failed":
            (self.path / "done.json").unlink()

    def done(self) -> dict[str, Any] | None:
        """The content of a valid `done.json`."""
        done = read_json(self.path / "done.json")
        valid = done is not None and done.get("state") in ("done", "failed")
        return done if valid and isinstance((done or {}).get("epoch"), int) else None

    def state(self, epochs: int) -> str:
        """new, partial, done or failed, for a run of so many epochs.

        A finished trial whose last row is lost counts as partial: its checkpoint holds that row.
        One that failed later than at these epochs has done its part.
        """
        done = self.done()
        if done and done["state"] == "failed":
            return "done" if self.reached() > epochs else "failed"
        if (
            done
            and done["epoch"] >= epochs
            and any(r["epoch"] == done["epoch"] for r in self.rows())
        ):
            return "done"
        begun = (self.path / checkpoints.NEWEST).exists() or (self.path / "rows.jsonl").exists()
        return "partial" if begun else "new"


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except OSError:  # missing, or no file at all: writing to it will tell
        return []


def _parse(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    valid = isinstance(row, dict) and isinstance(row.get("epoch"), int) and line.endswith(b"\n")
    return row if valid else None
