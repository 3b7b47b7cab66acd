"""Reuses trials of earlier versions, whose keys contain the path of a user's file, not its content.

They are reused if they were trained on the images that the file holds now. Otherwise the file has
been overwritten since, and they are left untouched.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial import Trial, key
from scaling.trial.catalog import DATASETS
from scaling.trial.own_files import identified

Fingerprint = Callable[[Trial], str]  # hash of the images a trial would be trained on now


@dataclass
class Earlier:
    """Finds, for a trial keyed by content, the same trial keyed by path in a results folder.

    `warned` holds the files whose overwriting has been reported.
    """

    store: Store
    fingerprint: Fingerprint
    warned: set[str] = field(default_factory=set)

    def __call__(self, trial: Trial) -> Trial:
        """Returns the trial keyed by content, or an earlier version's if one exists."""
        keyed = identified(trial)
        if keyed.content is None or self.store.folder(key(keyed)).path.is_dir():
            return keyed
        for earlier in self._by_path:
            is_same = replace(keyed, dataset=earlier.dataset, content=None) == earlier
            if is_same and _same_file(earlier.dataset, trial.dataset) and self._agrees(earlier):
                return earlier
        return keyed

    @cached_property
    def _by_path(self) -> list[Trial]:
        """Returns the trials on users' files whose keys do not contain the file's content."""
        trials = []
        for path in sorted(self.store.root.glob("trials/*/trial.json")):
            with suppress(UsageError):  # damaged, of another version, or in need of a module
                trial = self.store.folder(path.parent.name).trial()
                if trial.dataset not in DATASETS and trial.content is None:
                    trials.append(trial)
        return trials

    def _agrees(self, earlier: Trial) -> bool:
        """Returns True if its rows come from the present images; warns once per file if not."""
        rows = self.store.folder(key(earlier)).rows()
        fingerprints = {row["fingerprint"] for row in rows if "fingerprint" in row}
        if fingerprints <= {self.fingerprint(earlier)}:
            return bool(fingerprints)
        if earlier.dataset not in self.warned:
            self.warned.add(earlier.dataset)
            print(
                f"{earlier.dataset} has been overwritten since earlier trials were trained on it. "
                "Those trials are kept, and this study trains on the present images.",
                file=sys.stderr,
            )
        return False


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
