"""Keeps the trials without any row beside a frame, whose rows cannot say that they are missing.

This is the one fact about a frame that is no column of it. Everything else that is said of trials
(their study, what was chosen, at which epochs they are taken) is in their rows, where no operation
of pandas can lose it. Selections and new columns keep this list; a function that makes a frame of
others, or leaves out trials, calls `with_unmeasured`.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

NAME = "unmeasured"  # in a frame's attrs, which parquet files keep
IDENTITY = ["key", "kind", "source", "m_z", "n_c", "seed", "replicate"]  # of unmeasured trials


class Unmeasured(list[dict[str, Any]]):
    """Lists trials without rows; it is never changed, and so shared by all frames made of one.

    pandas copies a frame's attributes deeply with every selection, which takes most of the time if
    hundreds of trials wait.
    """

    def __deepcopy__(self, memo: object) -> "Unmeasured":
        return self


def unmeasured(frame: pd.DataFrame, kind: str | None = None) -> list[dict[str, Any]]:
    """Returns the IDENTITY of the trials without rows, of one kind or of all."""
    trials: list[dict[str, Any]] = frame.attrs.get(NAME, [])
    return [trial for trial in trials if kind is None or trial["kind"] == kind]


def with_unmeasured(frame: pd.DataFrame, trials: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Returns the frame beside which these trials have no rows."""
    result = frame.copy(deep=False)
    result.attrs = {NAME: Unmeasured(trials)}
    return result
