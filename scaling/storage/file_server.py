"""Serves the files of a results folder to processes on hosts that cannot see it.

The server is an object on a host that sees the results folder. Processes elsewhere read and replace
whole files through it. Each attempt at a task is announced to the server and receives a number;
from then on the server refuses every write of an earlier attempt. How calls reach the server is
left to the caller (`scaling.cluster` uses a Ray actor).
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from scaling.storage import checkpoints
from scaling.storage.files import naming
from scaling.storage.lock import Fence

PART_BYTES = 32 << 20  # files travel in parts of this many bytes


class Superseded(RuntimeError):
    """Signals that a later attempt at the same task has started, so that this one must end."""


@dataclass(frozen=True)
class Stamp:
    """Identifies one write: the task, the number of the attempt, and of the write within it."""

    task: str
    attempt: int
    serial: int


class RemoteFiles(Protocol):
    """Lists the calls that a server answers, whether it runs in this process or in another."""

    def begin(self, task: str, fence: Fence | None) -> int:
        """Starts an attempt at a task and returns its number, which every `Stamp` must carry."""
        ...

    def sizes(self, place: str) -> Mapping[str, int]:
        """Returns the size in bytes of each file in the folder `place`, by name."""
        ...

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """Returns at most PART_BYTES bytes of a file from byte `start` on, as uint8 (n,)."""
        ...

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """Receives one part, uint8 (n,), of a file of `size` bytes; the last part completes it."""
        ...


class FileServer:
    """Serves the folder `root`; a place is a folder in it, such as `trials/KEY`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.newest: dict[str, tuple[int, int]] = {}  # numbers of attempt and write, by task
        self.fences: dict[str, Fence] = {}

    def begin(self, task: str, fence: Fence | None) -> int:
        """Starts an attempt at the task and refuses all earlier ones from now on.

        Attempt numbers come from this host's clock, so that they keep growing after a restart.
        """
        attempt = max(time.time_ns(), self.newest.get(task, (0, 0))[0] + 1)
        self.newest[task] = attempt, 0
        if fence:
            self.fences[task] = fence
        return attempt

    def sizes(self, place: str) -> dict[str, int]:
        """Returns the file sizes as `RemoteFiles` specifies, without hidden (unfinished) files."""
        folder = self._inside(place)
        files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        return {path.name: path.stat().st_size for path in files if path.name[0] != "."}

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """Returns a part of a file as `RemoteFiles` specifies; raises OSError if it is missing."""
        with open(self._inside(place, name), "rb") as stream:
            stream.seek(start)
            return np.frombuffer(stream.read(PART_BYTES), np.uint8)

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """Receives a part of a file as `RemoteFiles` specifies.

        A part that arrives after a later write of the same attempt is dropped. Raises Superseded
        for an earlier attempt, and Unfinished if another launch has taken over the lock.
        """
        if not self._is_newest(stamp):
            return
        path = self._inside(place, name)
        coming = path.with_name(f".{name}.coming")
        with naming(path), open(coming, "r+b" if start else "wb") as stream:
            stream.seek(start)
            stream.write(part.data)
            stream.flush()
            if start + len(part) < size:
                return
            os.fsync(stream.fileno())
        if name == checkpoints.NEWEST:
            checkpoints.put_newest(path.parent, coming)
        else:
            os.replace(coming, path)

    def _is_newest(self, stamp: Stamp) -> bool:
        newest = self.newest.get(stamp.task, (0, 0))
        if stamp.attempt < newest[0]:
            raise Superseded(f"a later attempt at {stamp.task} has begun: this one ends")
        if stamp.task in self.fences:
            self.fences[stamp.task].check()
        if (stamp.attempt, stamp.serial) < newest:
            return False
        self.newest[stamp.task] = stamp.attempt, stamp.serial
        return True

    def _inside(self, *parts: str) -> Path:
        path = self.root.joinpath(*parts)
        if not path.resolve().is_relative_to(self.root):
            raise ValueError(f"{path} is not in {self.root}")
        return path
