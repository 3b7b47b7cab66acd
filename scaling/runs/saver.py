"""Saves a run's checkpoints as often as they are worth their time."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scaling.runs.ledger import Ledger
from scaling.storage.lock import Fence
from scaling.storage.trial_folder import TrialFolder

if TYPE_CHECKING:
    from scaling.runs.run import Run

CHECKPOINT_SHARE = 0.005  # maximum share of the run's time that goes into checkpoints
BETWEEN_SECONDS = 30  # minimum time between checkpoints that do not follow a row


class Saver:
    """Saves a run's checkpoints: at rows and, if these are far apart, between them."""

    def __init__(
        self,
        run: "Run",
        folder: TrialFolder,
        ledger: Ledger,
        beat: Callable[[], None],
        fence: Fence | None = None,
    ) -> None:
        self.run, self.folder, self.ledger, self.beat = run, folder, ledger, beat
        self.fence = fence
        self.saved = time.monotonic()
        self.cost = self.between_seconds = 0.0

    def check_fence(self) -> None:
        """Raises Unfinished if another launch has taken over the results folder."""
        if self.fence:
            self.fence.check()

    def at_row(self) -> None:
        """Saves a checkpoint after the last row, and after other rows if it is time to."""
        last = self.run.stopped or self.run.epoch == self.run.epochs
        if last or self._age() >= self.cost / CHECKPOINT_SHARE:
            self._save()

    def between_rows(self) -> None:
        """Saves a checkpoint between rows if it is time to and the last one is not recent."""
        self.beat()
        if self._age() >= max(BETWEEN_SECONDS, self.cost / CHECKPOINT_SHARE):
            self._save()
            self.between_seconds += self.cost

    def _age(self) -> float:
        return time.monotonic() - self.saved

    def _save(self) -> None:
        start = time.monotonic()
        self.check_fence()
        facts = {"chunks": self.ledger.checksums, "rows": list(self.ledger.rows)}
        facts |= {"fingerprint": self.ledger.fingerprint}
        self.folder.save_checkpoint(self.run.state_dict() | facts)
        self.saved = time.monotonic()
        self.cost = self.saved - start
