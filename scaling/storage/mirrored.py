"""Trains in a local copy of a trial's folder when the host cannot see the results folder.

The copy exists on this host for the duration of one attempt. Each method of MirroredFolder that
writes a file also sends it to the server (`scaling.storage.file_server`), on the host with the
results folder, before the method returns: files arrive there in the order of their writing.
"""

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scaling.storage import checkpoints
from scaling.storage.checkpoints import State
from scaling.storage.file_server import PART_BYTES, RemoteFiles, Stamp
from scaling.storage.lock import Fence
from scaling.storage.rows import Row
from scaling.storage.trial_folder import TrialFolder

if TYPE_CHECKING:
    import numpy as np

ROWS, ARRAYS, DONE = "rows.jsonl", "arrays.npz", "done.json"


@dataclass(frozen=True)
class Uploader:
    """Sends the files of one attempt at a task to one folder below the results folder.

    `task` is the task's name, `place` the folder relative to the results folder.
    """

    files: RemoteFiles
    task: str
    place: str
    attempt: int
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, path: Path) -> None:
        """Replaces the file of the same name on the server by this one, whole or not at all."""
        import numpy as np

        stamp = Stamp(self.task, self.attempt, next(self.serials))
        size, start = path.stat().st_size, 0
        with open(path, "rb") as stream:
            while start < size or not start:
                part = np.frombuffer(stream.read(PART_BYTES), np.uint8)
                self.files.write(stamp, self.place, path.name, start, part, size)
                start += max(1, len(part))


def fetch(files: RemoteFiles, place: str, name: str, size: int, into: Path) -> Path:
    """Copies a file of `size` bytes from the server into the folder `into`; returns its path.

    Raises OSError if the file on the server has fewer bytes.
    """
    path, start = into / name, 0
    with open(path, "wb") as stream:
        while start < size:
            part = files.read(place, name, start)
            if not len(part):
                raise OSError(f"{place}/{name} ended after {start} of {size} bytes")
            stream.write(part.data)
            start += len(part)
    return path


def copy(files: RemoteFiles, place: str, into: Path, wanted: Callable[[str], bool]) -> None:
    """Copies the files of a place whose names `wanted` accepts into a folder, which it creates."""
    into.mkdir(parents=True, exist_ok=True)
    for name, size in files.sizes(place).items():
        if wanted(name):
            fetch(files, place, name, size, into)


def begin(
    files: RemoteFiles,
    task: str,
    place: str,
    into: Path,
    wanted: Callable[[str], bool],
    fence: Fence | None = None,
) -> Uploader:
    """Starts an attempt at the task, then copies the files that `wanted` accepts into a folder."""
    attempt = files.begin(task, fence)
    copy(files, place, into, wanted)
    return Uploader(files, task, place, attempt)


def for_training(name: str) -> bool:
    """Returns True if training reads the file: every file but the models kept for later metrics."""
    return not name.endswith(".pt") or name in (checkpoints.NEWEST, checkpoints.PREVIOUS)


@dataclass(frozen=True)
class MirroredFolder(TrialFolder):
    """Behaves like a TrialFolder and sends every file to the server as soon as it is written."""

    uploader: Uploader

    def append_row(self, row: Row) -> None:
        """Appends a row as one line, which has reached the server when this returns."""
        super().append_row(row)
        self._send(ROWS)

    def cut_rows(self, epoch: int) -> list[Row]:
        """Removes rows after the epoch and unreadable lines, here and on the server."""
        before = self._bytes(ROWS)
        rows = super().cut_rows(epoch)
        if self._bytes(ROWS) != before:
            self._send(ROWS)
        return rows

    def merge_row(self, epoch: int, numbers: Row) -> None:
        """Adds numbers to the row of the epoch, here and on the server."""
        super().merge_row(epoch, numbers)
        self._send(ROWS)

    def merge_arrays(self, arrays: Mapping[str, "np.ndarray"]) -> None:
        """Adds arrays to `arrays.npz`, here and on the server."""
        super().merge_arrays(arrays)
        self._send(ARRAYS)

    def save_checkpoint(self, state: State) -> bool:
        """Saves the state as the newest checkpoint, here and on the server."""
        saved = super().save_checkpoint(state)
        if saved:
            self._send(checkpoints.NEWEST)
        return saved

    def keep_model(self, state: State) -> None:
        """Keeps the epoch's model on the server only: this host's own disk may be small."""
        super().keep_model(state)
        name = checkpoints.KEPT.format(state["epoch"])
        self._send(name)
        (self.path / name).unlink()

    def finish(self, epoch: int, **facts: object) -> None:
        """Writes `done.json`, the last file of a finished trial, here and on the server."""
        super().finish(epoch, **facts)
        self._send(DONE)

    def fail(self, error: str, **facts: object) -> None:
        """Writes `done.json` for a trial that failed permanently, here and on the server."""
        super().fail(error, **facts)
        self._send(DONE)

    def _send(self, name: str) -> None:
        self.uploader.send(self.path / name)

    def _bytes(self, name: str) -> bytes:
        path = self.path / name
        return path.read_bytes() if path.exists() else b""


@contextmanager
def scratch() -> Iterator[Path]:
    """Creates a temporary folder on this host and removes it at the end of the `with` block.

    Folders that killed processes left behind are removed first. A file lock in each folder shows
    whether its process still lives.
    """
    base = Path(tempfile.gettempdir()) / f"scaling-vae-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    for left in base.glob("at-*"):
        _remove_if_left(left)
    new_folder = Path(tempfile.mkdtemp(prefix="new-", dir=base))
    with open(new_folder / ".lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = new_folder.rename(new_folder.with_name(new_folder.name.replace("new-", "at-", 1)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    try:
        with open(folder / ".lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # its process holds the lock, or the folder is gone by now
        return
