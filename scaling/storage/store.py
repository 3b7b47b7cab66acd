"""The results folder: trial folders, rows, checkpoints, done.

What stands in `trials/<key>/` is the only state of a study; nothing of Ray's is ever read back.
Rows are on disk before the checkpoint that covers them, and `done.json` is written last.
"""

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.errors import UsageError
from scaling.storage.files import atomic, read_json
from scaling.storage.formats import read_versioned, write_versioned
from scaling.storage.rows import number_in
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Trial, VaeTrial
from scaling.trial.extensions import UnknownName
from scaling.trial.schedule import Scheduled


@dataclass(frozen=True)
class Ran:
    """A finished trial: epochs, and seconds in its training steps."""

    trial: Trial
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Store:
    """The results folder that all studies share."""

    root: Path

    def folder(self, name: str) -> TrialFolder:
        return TrialFolder(self.root / "trials" / name)

    def vaes(self) -> list[VaeTrial]:
        """Every VAE whose folder can be read, by key; tells which ones need another module."""
        found, lacking = [], set()
        for path in sorted(self.root.glob("trials/*/trial.json")):
            with suppress(UsageError):  # a folder that was copied or damaged
                try:
                    found.append(TrialFolder(path.parent).trial())
                except UnknownName as error:
                    lacking.add(str(error))
        for line in sorted(lacking):
            print(f"Left out: {line}", file=sys.stderr)
        return [trial for trial in found if isinstance(trial, VaeTrial)]

    def states(self, every: Iterable[Scheduled]) -> dict[str, str]:
        """Where each trial stands, by key."""
        return {w.key: self.folder(w.key).state(w.epochs) for w in every}

    def finished(self, device: str) -> dict[str, Ran]:
        """The trials that finished on such a device (`cpu`, `cuda`), by key."""
        found = {}
        for path in sorted(self.root.glob("trials/*/done.json")):
            with suppress(UsageError):  # the launch that asks for that trial refuses it
                ran = _ran(TrialFolder(path.parent), device)
                if ran:
                    found[path.parent.name] = ran
        return found

    def pool(self, name: str) -> Path:
        return self.root / "pools" / name

    def sampled(self, name: str) -> int:
        """The images of a pool's finished chunks; 0 where there is none that can be read."""
        record = read_json(self.pool(name) / "pool.json") or {}
        chunks, size = record.get("chunks"), record.get("images_per_chunk")
        return len(chunks) * size if isinstance(chunks, list) and isinstance(size, int) else 0

    def study(self, name: str) -> Path:
        return self.root / name

    def studies_of(self, names: set[str]) -> list[Path]:
        """The studies that ask for one of these trials, by name."""
        found = []
        for file in sorted(self.root.glob("*/study.json")):
            with suppress(UsageError):  # of a newer format: that version's own to read
                asked = (read_versioned(file) or {}).get("trials")
                if isinstance(asked, dict) and names & set(asked):
                    found.append(file.parent)
        return found

    def gpu_hours(self, name: str) -> float:
        """What a study's launches used of GPUs, by its record; one that was killed says nothing."""
        launches = (read_versioned(self.study(name) / "study.json") or {}).get("launches")
        listed = launches if isinstance(launches, list) else []
        profiles = (entry.get("profile") for entry in listed if isinstance(entry, dict))
        return sum(number_in(p, "gpu_hours") for p in profiles if isinstance(p, dict))

    def update_study(self, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Rewrites a study's `study.json`; raises UsageError where its format is newer."""
        path = self.study(name) / "study.json"
        path.parent.mkdir(exist_ok=True)
        there = read_versioned(path) or {}
        launches = there.get("launches")
        listed = [e for e in launches if isinstance(e, dict)] if isinstance(launches, list) else []
        write_versioned(path, change({"study": name} | there | {"launches": listed}))

    def check_writable(self) -> None:
        """Raises UsageError where the folder cannot be made or written."""
        try:
            (self.root / "trials").mkdir(parents=True, exist_ok=True)
            with atomic(self.root / "trials" / ".probe") as stream:
                stream.write(b"probe")
            (self.root / "trials" / ".probe").unlink()
        except OSError as error:
            raise UsageError(
                f"The results folder {self.root} cannot be written: {error.strerror}. "
                "Give another one with --results DIR."
            ) from None


def _ran(folder: TrialFolder, device: str) -> Ran | None:
    """The trial in the folder, if it finished on such a device."""
    done, rows = folder.done() or {}, folder.rows()
    if done.get("state") != "done" or not rows:
        return None
    if not str(done.get("device", "")).startswith(device):
        return None
    return Ran(folder.trial(), rows[-1]["epoch"], number_in(rows[-1], "seconds"))
