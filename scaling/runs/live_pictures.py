"""Writes the pictures of a run to TensorBoard while it trains."""

from typing import TYPE_CHECKING

from scaling.storage.rows import Row
from scaling.storage.tensorboard import Events

if TYPE_CHECKING:
    from scaling.runs.run import Run

TIMES = 5  # how often pictures are taken in a run, apart from the last row


class LivePictures:
    """Takes pictures at the first row in each fifth of a run's epochs, and at the last row."""

    def __init__(self, run: "Run", events: Events, levels: int) -> None:
        self.run, self.events, self.levels = run, events, levels
        self.due: float = run.epoch

    def row(self, row: Row) -> None:
        """Writes the pictures if it is time for them."""
        run, last = self.run, bool(self.run.stopped) or self.run.epoch == self.run.epochs
        if last or run.epoch >= self.due:
            self.events.images(run.arrays(), self.levels, run.epoch)
            self.due = run.epoch + run.epochs / TIMES
