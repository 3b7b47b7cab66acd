"""Records where a launch spent its time: the `profile` of its entry in study.json."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scaling.storage.contents import StudyFile
from scaling.storage.provenance import LaunchProfile
from scaling.storage.rows import number_in
from scaling.storage.store import Store

BOOT_FIELD = 22  # in /proc/self/stat: the process's start, in ticks since boot


class Profile:
    """Measures the seconds of a launch's parts, and of training in its trials.

    `width` is the number of trials that run at a time.
    """

    def __init__(self, store: Store, keys: Iterable[str]) -> None:
        self.store = store
        self.before = {key: self._trained(key) for key in keys}
        self.parts: dict[str, float] = {"start": _age()}
        self.width = 1
        self.gpu_hours = 0.0
        self.retried: dict[str, int] = {}
        self.entered = False  # True once study.json has an entry of this launch

    @contextmanager
    def kept(self, study: str) -> Iterator[None]:
        """Writes the profile into study.json after the block, even if it is interrupted."""
        try:
            yield
        except BaseException:
            with suppress(OSError):  # a second error of the same disk would hide the first
                self._keep(study)
            raise
        self._keep(study)

    def _keep(self, study: str) -> None:
        if self.entered:
            self.store.update_study(study, self.into, begun=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds the time spent in the block to the part."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.monotonic() - start

    def entry(self) -> LaunchProfile:
        """Returns the profile in seconds.

        `training` and `measuring` are sums over the trials, `width` of which run at a time.
        `outside_training` is the share of the process's life times the width that is not training;
        `overhead` is that share without measuring.
        """
        wall = _age()
        training = sum(self._trained(key) - before for key, before in self.before.items())
        parts = {name: round(seconds, 2) for name, seconds in self.parts.items()}
        entry: LaunchProfile = {"wall": round(wall, 2), "parts": parts, "width": self.width}
        entry |= {"trials": len(self.before), "training": round(training, 2)}
        entry |= {"gpu_hours": round(self.gpu_hours, 6)} if self.gpu_hours else {}
        entry |= {"retried": dict(self.retried)} if self.retried else {}
        if training:
            measuring = sum(map(self._measured, self.before))
            entry["measuring"] = round(measuring, 2)
            entry["outside_training"] = round(1 - training / (self.width * wall), 4)
            entry["overhead"] = round(1 - (training + measuring) / (self.width * wall), 4)
        return entry

    def into(self, study: StudyFile) -> StudyFile:
        """Returns the content of study.json with the profile in its last launch."""
        *earlier, last = study["launches"] or [{}]  # none: study.json was lost meanwhile
        return study | {"launches": [*earlier, last | {"profile": self.entry()}]}

    def _trained(self, key: str) -> float:
        rows = self.store.folder(key).rows()
        return number_in(rows[-1], "seconds") if rows else 0.0

    def _measured(self, key: str) -> float:
        done = self.store.folder(key).done() or {}
        profile = done.get("profile")
        return number_in(profile, "measuring") if isinstance(profile, dict) else 0.0


def _age() -> float:
    """Returns the seconds since this process started, or since this module's import if unknown."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[BOOT_FIELD - 3]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, ValueError, AttributeError, IndexError):
        return time.monotonic() - IMPORTED


IMPORTED = time.monotonic()
