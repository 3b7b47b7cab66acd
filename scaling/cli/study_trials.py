"""Represents the trials of a study's command: a fixed list, or one that depends on results."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scaling.trial import Trial
from scaling.trial.schedule import Scheduled

if TYPE_CHECKING:
    from scaling.storage.contents import Record
    from scaling.storage.store import Store

MakeSchedule = Callable[[Sequence[Trial]], list[Scheduled]]  # fills in pools and epochs


class StudyTrials:
    """Holds the trials of a study; subclasses decide some of them by results on disk."""

    def __init__(self, trials: Sequence[Trial], make: MakeSchedule) -> None:
        self.make = make
        self.scheduled = make(trials)

    def now(self, store: "Store") -> list[Scheduled]:
        """Returns the trials with their epochs, as far as these are decided by now."""
        return self.scheduled

    def expected(self, store: "Store") -> list[Scheduled]:
        """Returns the trials as a plan counts them, with assumptions for undecided ones."""
        return self.now(store)

    def ends(self, store: "Store") -> list[tuple[str, int]]:
        """Returns the keys of its trials, each with an epoch of which the study reads the row."""
        return [(item.key, item.epochs) for item in self.expected(store)]

    def record(self, store: "Store") -> "Record":
        """Returns the fields that study.json stores besides the trials; None for absent ones."""
        return {"search": None, "rates": None}

    def notes(self) -> list[str]:
        """Returns lines to print before anything runs."""
        return []

    def key(self, trial: Trial) -> str:
        """Returns the key of one of its trials, with its pool and epochs filled in."""
        return self.make([trial])[-1].key
