"""What a study's command trains: a fixed list of trials, or one that follows from its scores."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from scaling.trial import Trial
from scaling.trial.schedule import Scheduled

if TYPE_CHECKING:
    from scaling.storage.store import Store

MakeSchedule = Callable[[Sequence[Trial]], list[Scheduled]]  # with pools and epochs filled in


class Work:
    """The trials of a study; subclasses decide some of them by what is on disk."""

    def __init__(self, trials: Sequence[Trial], make: MakeSchedule) -> None:
        self.make = make
        self.scheduled = make(trials)

    def now(self, store: "Store") -> list[Scheduled]:
        """Every trial and how far it is to be trained, as far as that is decided by now."""
        return self.scheduled

    def expected(self, store: "Store") -> list[Scheduled]:
        """The trials as a plan counts them: what is not decided yet is assumed."""
        return self.now(store)

    def record(self, store: "Store") -> dict[str, Any]:
        """What study.json keeps of it beside the trials; None in place of what it has not."""
        return {"search": None, "rates": None}

    def notes(self) -> list[str]:
        """Lines for the console, before anything runs."""
        return []

    def key(self, trial: Trial) -> str:
        """The key of one of its trials, once its pool and epochs are filled in."""
        return self.make([trial])[-1].key
