"""Represents the results folder that all studies share, with its trials, pools and studies.

The contents of `trials/<key>/` are the only state of a study; no state of Ray is ever read back.
Rows are on disk before the checkpoint that covers them, and `done.json` is written last.
"""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from scaling.errors import UsageError
from scaling.storage.contents import StudyFile
from scaling.storage.files import atomic, read_json
from scaling.storage.formats import read_versioned, write_versioned
from scaling.storage.parallel import mapped
from scaling.storage.rows import number_in
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Trial, VaeTrial
from scaling.trial.extensions import UnknownName
from scaling.trial.schedule import Scheduled

ENOUGH = 20  # replicates of one trial that are enough to know the machine's speed
DRAW = re.compile(r"(-r\d+)?-s\d+-[0-9a-f]+$")  # the end of a trial's key


@dataclass(frozen=True)
class Ran:
    """Holds a finished trial with its number of epochs and the seconds of its training steps."""

    trial: Trial
    epochs: int
    seconds: float
    hardware: str = ""  # the model of its GPU or processor, "" in older files
    shared: bool = False  # True if it had a share of a GPU beside other trials


@dataclass(frozen=True)
class Store:
    """Gives access to the results folder `root`."""

    root: Path

    def folder(self, name: str) -> TrialFolder:
        """Returns the folder of the trial with this key."""
        return TrialFolder(self.root / "trials" / name)

    def vaes(self) -> list[VaeTrial]:
        """Returns all VAE trials whose folder is readable, by key; prints which need a module."""
        trials, lacking = [], set()
        for path in sorted(self.root.glob("trials/*/trial.json")):
            with suppress(UsageError):  # a folder that was copied or damaged
                try:
                    trials.append(TrialFolder(path.parent).trial())
                except UnknownName as error:
                    lacking.add(str(error))
        for line in sorted(lacking):
            print(f"Left out: {line}", file=sys.stderr)
        return [trial for trial in trials if isinstance(trial, VaeTrial)]

    def states(self, every: Iterable[Scheduled]) -> dict[str, str]:
        """Returns the state of each trial by key: new, partial, done or failed."""
        epochs = {entry.key: entry.epochs for entry in every}
        states = mapped(lambda item: self.folder(item[0]).state(item[1]), [*epochs.items()])
        return dict(zip(epochs, states, strict=True))

    def finished(self, device: str) -> dict[str, Ran]:
        """Returns trials that finished on a device of this kind (`cpu`, `cuda`), by key.

        Of many replicates of a trial it reads about ENOUGH, spread over them: what they say of the
        machine's speed is the same.
        """
        runs = {}
        for name in _few_of_each(self._ended()):
            with suppress(UsageError):  # a launch that needs this trial reports the error
                ran = _ran(self.folder(name), device)
                if ran:
                    runs[name] = ran
        return runs

    def _ended(self) -> list[str]:
        """Returns the keys of all trials with a `done.json`, sorted; fast, since they are many."""
        home = self.root / "trials"
        names = sorted(os.listdir(home)) if home.is_dir() else []
        return [name for name in names if os.path.exists(f"{home}/{name}/done.json")]

    def pool(self, name: str) -> Path:
        """Returns the folder of the pool of this name."""
        return self.root / "pools" / name

    def sampled(self, name: str) -> int:
        """Returns the number of images in a pool's finished chunks, 0 if it cannot be read."""
        record = read_json(self.pool(name) / "pool.json") or {}
        chunks, size = record.get("chunks"), record.get("images_per_chunk")
        return len(chunks) * size if isinstance(chunks, list) and isinstance(size, int) else 0

    def study(self, name: str) -> Path:
        """Returns the folder of the study of this name."""
        return self.root / name

    def studies_of(self, names: set[str]) -> list[Path]:
        """Returns the folders of the studies that contain one of these trials, by name."""
        folders = []
        for file in sorted(self.root.glob("*/study.json")):
            with suppress(UsageError):  # a newer format, which only that version can read
                listed = (read_versioned(file) or {}).get("trials")
                if isinstance(listed, dict) and names & set(listed):
                    folders.append(file.parent)
        return folders

    def gpu_hours(self, name: str) -> float:
        """Returns the GPU hours that a study's launches recorded; a killed launch records none."""
        launches = (read_versioned(self.study(name) / "study.json") or {}).get("launches")
        listed = launches if isinstance(launches, list) else []
        profiles = (entry.get("profile") for entry in listed if isinstance(entry, dict))
        return sum(number_in(p, "gpu_hours") for p in profiles if isinstance(p, dict))

    def update_study(
        self,
        name: str,
        change: Callable[[StudyFile], Mapping[str, object]],
        begun: bool = False,
    ) -> None:
        """Rewrites a study's `study.json`; raises UsageError if its format is newer.

        If the launch has `begun`, a missing file raises FileNotFoundError: the results have
        vanished, and may come back.
        """
        path = self.study(name) / "study.json"
        if begun and not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        path.parent.mkdir(exist_ok=True)
        before = read_versioned(path) or {}
        launches = before.get("launches")
        listed = [e for e in launches if isinstance(e, dict)] if isinstance(launches, list) else []
        study = {"study": name} | before | {"launches": listed}
        write_versioned(path, change(cast(StudyFile, study)))

    def check_writable(self) -> None:
        """Raises UsageError if the folder cannot be created or written."""
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


def _few_of_each(names: Sequence[str]) -> list[str]:
    """Returns at least ENOUGH of the trials whose keys differ in the draw alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(DRAW.sub("", name), []).append(name)
    return [name for group in groups.values() for name in group[:: max(1, len(group) // ENOUGH)]]


def _ran(folder: TrialFolder, device: str) -> Ran | None:
    """Returns the trial in the folder if it finished on a device of this kind, else None."""
    done, rows = folder.done() or {}, folder.rows()
    if done.get("state") != "done" or not rows:
        return None
    if not str(done.get("device", "")).startswith(device):
        return None
    gpu = done.get("gpu")
    share = gpu[1] if isinstance(gpu, list | tuple) and len(gpu) == 2 else None
    shared = isinstance(share, int | float) and 0 < share < 1
    hardware = done.get("hardware")
    model = hardware if isinstance(hardware, str) else ""
    seconds = number_in(rows[-1], "seconds")
    return Ran(folder.trial(), rows[-1]["epoch"], seconds, model, shared)
