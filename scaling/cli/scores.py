"""Scores the points of a search by the validation ELBO of their trials' rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scaling.trial.halving import LOST, CellPoint

if TYPE_CHECKING:
    from scaling.storage.rows import Row
    from scaling.storage.store import Store

METRIC = "validation_elbo"  # the criterion for points; higher is better
TAIL = 0.1  # a score is the mean over the rows of the last tenth of the epochs, as final values are


class Scores:
    """Reads the scores of points from the rows on disk; call it with cell, point and epochs."""

    def __init__(
        self, store: "Store", keys: Mapping[CellPoint, Sequence[str]], measured: bool = True
    ) -> None:
        self.store, self.keys, self.measured = store, keys, measured
        self.rows: dict[str, list[Row]] = {}

    def __call__(self, cell: int, point: int, epochs: int) -> float | None:
        """Returns the mean over the point's trials; None if one is missing, LOST if one failed."""
        if not self.measured:
            return None
        scores = [self._score(key, epochs) for key in self.keys[cell, point]]
        measured = [value for value in scores if value is not None]
        return sum(measured) / len(measured) if len(measured) == len(scores) else None

    def _score(self, key: str, epochs: int) -> float | None:
        if key not in self.rows:
            self.rows[key] = self.store.folder(key).rows()
        rows, done = self.rows[key], self.store.folder(key).done()
        if done and done.get("censored"):  # it ended early, collapsed or diverged
            return LOST
        if rows and rows[-1]["epoch"] >= epochs:
            return score_of(rows, epochs)
        return LOST if done and done["state"] == "failed" else None


def score_of(rows: "Sequence[Row]", epochs: int) -> float:
    """Returns the mean validation ELBO over the rows in the last tenth of `epochs`, in nats.

    If a longer run has measured none of these epochs, the last row before them counts, never a
    later one. The result is LOST if there is no number.
    """
    tail = [row for row in rows if (1 - TAIL) * epochs < row["epoch"] <= epochs]
    tail = tail or [row for row in rows if row["epoch"] <= epochs][-1:]
    values = [row[METRIC] for row in tail if METRIC in row]
    return sum(values) / len(values) if values else LOST
