"""Trials of earlier versions, keyed by the path of their file, stand for those keyed by content.

They do where they were trained on the images that the file holds now: else the file has been
overwritten since, and they are left as they are.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial import Trial, key
from scaling.trial.catalog import DATASETS
from scaling.trial.own_files import identified

Fingerprint = Callable[[Trial], str]  # of the images that a trial would be trained on now


@dataclass
class Earlier:
    """The trials of a results folder that are keyed by a path; `taken` counts those in use."""

    store: Store
    fingerprint: Fingerprint
    told: set[str] = field(default_factory=set)

    def __call__(self, trial: Trial) -> Trial:
        """The trial keyed by content, or the same one of an earlier version where it is there."""
        found = identified(trial)
        if found.content is None or self.store.folder(key(found)).path.is_dir():
            return found
        for earlier in self._by_path():
            alike = replace(found, dataset=earlier.dataset, content=None) == earlier
            if alike and _same_file(earlier.dataset, trial.dataset) and self._agrees(earlier):
                return earlier
        return found

    def _by_path(self) -> list[Trial]:
        """The trials on files that have no content in their key."""
        found = []
        for path in sorted(self.store.root.glob("trials/*/trial.json")):
            with suppress(UsageError):  # damaged, of other versions or of modules: not these
                trial = self.store.folder(path.parent.name).trial()
                if trial.dataset not in DATASETS and trial.content is None:
                    found.append(trial)
        return found

    def _agrees(self, earlier: Trial) -> bool:
        """Whether its rows are of the images that are there now; tells once where they are not."""
        rows = self.store.folder(key(earlier)).rows()
        known = {row["fingerprint"] for row in rows if "fingerprint" in row}
        if known <= {self.fingerprint(earlier)}:
            return bool(known)
        if earlier.dataset not in self.told:
            self.told.add(earlier.dataset)
            print(
                f"{earlier.dataset} has been overwritten: trials there were trained on other "
                "images. They are left as they are, and what you ask for is trained anew.",
                file=sys.stderr,
            )
        return False


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
