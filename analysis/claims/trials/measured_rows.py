"""Selects the rows of arms among the trials of a cell, and keeps what was selected.

Many claims ask for the same arm and columns, and a selection costs milliseconds.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from analysis.claims.trials.arms import Arm, Each
from analysis.claims.trials.axes import METHOD, PLACE, Columns, mean
from analysis.double_descent.paths import Place

T = TypeVar("T")


class MeasuredRows:
    """Holds trials, a row each, which do not change, and what was computed from them."""

    def __init__(self, trials: pd.DataFrame) -> None:
        self.trials = trials
        self._results: dict[Hashable, Any] = {}

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Returns what `compute` returned at the first call with this `key`."""
        if key not in self._results:
            self._results[key] = compute()
        result: T = self._results[key]
        return result

    def of(self, arm: Arm, columns: Columns) -> pd.DataFrame:
        """Returns the arm's trials at any place and k, with the mean of the columns as `value`."""
        method = _method(arm)
        return self.once(("rows", method, columns), lambda: self._of(method, columns))

    def points(self, arm: Arm, columns: Columns) -> set[Place]:
        """Returns the (m_z, n_c) at which the arm is measured."""
        rows = self.of(arm, columns)
        m_z, n_c = (rows[name].tolist() for name in PLACE)
        key = ("points", _method(arm), columns)
        return self.once(key, lambda: set(zip(m_z, n_c, strict=True)))

    def on_place(self, arm: Arm, columns: Columns) -> pd.DataFrame:
        """Returns the rows of `of` at the arm's m_z, n_c and k, as far as these are numbers."""
        return self.once(("place", arm, columns), lambda: self._on_place(arm, columns))

    def _of(self, method: tuple[object, ...], columns: Columns) -> pd.DataFrame:
        rows = self.once(("valued", columns), lambda: self._valued(columns))
        mask = np.full(len(rows), True)
        for name, value in zip(METHOD, method, strict=True):
            if not isinstance(value, Each):
                mask &= rows[name].to_numpy() == value
        return rows[mask]

    def _valued(self, columns: Columns) -> pd.DataFrame:
        """Returns draw, seed, axes of Arm and the mean of the columns, of trials that have it."""
        value = mean(self.trials, columns)
        axes = self.trials[["unit", "seed", *METHOD, *PLACE, "k"]]
        return axes.assign(value=value)[value.notna()]

    def _on_place(self, arm: Arm, columns: Columns) -> pd.DataFrame:
        rows = self.of(arm, columns)
        mask = np.full(len(rows), True)
        for name in PLACE:
            if isinstance(getattr(arm, name), int | float):
                mask &= rows[name].to_numpy() == getattr(arm, name)
        if isinstance(arm.k, int | float):
            mask &= ((rows["k"] == arm.k) | (rows["real_share"] == 1)).to_numpy()
        return rows[mask]


def _method(arm: Arm) -> tuple[object, ...]:
    """Returns the arm without its place and k."""
    return tuple(getattr(arm, name) for name in METHOD)
