"""The files of a results folder for writers that do not see it, and the order among writers.

A desk stands where the folder is. Writers elsewhere read and replace whole files through it. Each
attempt at a trial begins at the desk and gets a number; from then on an earlier attempt is refused,
whatever it still sends. Nothing here knows how the calls travel.
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

PART_BYTES = 32 << 20  # of a file at a time


class Superseded(RuntimeError):
    """A later attempt at the same work has begun; what this one writes is not wanted."""


@dataclass(frozen=True)
class Stamp:
    """Who writes: the work's name, the number of the attempt, and which of its writes this is."""

    work: str
    attempt: int
    serial: int


class Office(Protocol):
    """What a writer asks of a desk, wherever that stands."""

    def begin(self, work: str, fence: Fence | None) -> int:
        """Begins an attempt; returns its number, which its writes bear."""
        ...

    def sizes(self, place: str) -> Mapping[str, int]:
        """Returns the files of the place with their bytes."""
        ...

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """Returns at most PART_BYTES of a file, uint8, from the byte `start` on."""
        ...

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """Takes a part (uint8) of a file of `size` bytes; with the last one the file is there."""
        ...


class Desk:
    """Serves the folder `root`; places are folders in it, such as `trials/KEY`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.newest: dict[str, tuple[int, int]] = {}  # attempt and write, by work
        self.fences: dict[str, Fence] = {}

    def begin(self, work: str, fence: Fence | None) -> int:
        """Refuses all earlier attempts at the work from now on; see `Office`.

        Numbers grow with this host's clock, so that they go on growing after a restart of the desk.
        """
        attempt = max(time.time_ns(), self.newest.get(work, (0, 0))[0] + 1)
        self.newest[work] = attempt, 0
        if fence:
            self.fences[work] = fence
        return attempt

    def sizes(self, place: str) -> dict[str, int]:
        """See `Office`; hidden files, which are being written, are left out."""
        folder = self._inside(place)
        files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        return {path.name: path.stat().st_size for path in files if path.name[0] != "."}

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """See `Office`; raises OSError for a file that is not there."""
        with open(self._inside(place, name), "rb") as stream:
            stream.seek(start)
            return np.frombuffer(stream.read(PART_BYTES), np.uint8)

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """See `Office`. Raises Superseded for an earlier attempt, Unfinished behind a lost lock.

        A write that was overtaken by a later one of the same attempt is dropped.
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
        known = self.newest.get(stamp.work, (0, 0))
        if stamp.attempt < known[0]:
            raise Superseded(f"a later attempt at {stamp.work} has begun: this one ends")
        if stamp.work in self.fences:
            self.fences[stamp.work].check()
        if (stamp.attempt, stamp.serial) < known:
            return False
        self.newest[stamp.work] = stamp.attempt, stamp.serial
        return True

    def _inside(self, *parts: str) -> Path:
        path = self.root.joinpath(*parts)
        if not path.resolve().is_relative_to(self.root):
            raise ValueError(f"{path} is not in {self.root}")
        return path
