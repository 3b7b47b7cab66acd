"""Defines terms: the numbers by draw that a claim compares, and their places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from analysis.claims.trials.arms import NORMAL, Along, Arm, Each
from analysis.claims.trials.axes import Columns
from analysis.claims.trials.cells import Cell
from analysis.statistics import levels

FEW_VALUES = 3  # least number of an axis's values for a slope or an inner peak
FEW_PLACES = 2  # least number of values for what a claim states for each of them
DOUBLED = ("m_z", "n_c", "k")  # slopes along these are per doubling, along shares per unit
Choice = dict[str, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Term:
    """Describes a number by draw: an arm's final value of a column, or its slope along an axis.

    Several columns, or those that a pattern matches, are averaged.
    """

    column: str | Columns
    arm: Arm = NORMAL

    @property
    def columns(self) -> Columns:
        """Returns the columns whose mean is the number."""
        return (self.column,) if isinstance(self.column, str) else self.column

    @property
    def along(self) -> str:
        """Returns the axis of the slope, "" for a plain value."""
        return next(iter(self.arm.axes(Along)), "")

    @property
    def per(self) -> str:
        """Returns what a slope adds to the column's unit."""
        if not self.along:
            return ""
        return f" per doubling of {self.along}" if self.along in DOUBLED else f" per {self.along}"

    @property
    def text(self) -> str:
        """Describes the term without its place."""
        name = self.column if isinstance(self.column, str) else f"mean({', '.join(self.column)})"
        return f"{f'slope along {self.along} of ' if self.along else ''}{name} of {self.arm.name}"

    def place_text(self, axis: Sequence[float]) -> str:
        """Describes the place of a term at measured sizes, with the ends of a slope's axis."""
        sizes = {"m_z": self.arm.m_z, "n_c": self.arm.n_c}
        parts = [f"{n}={size:g}" for n, size in sizes.items() if isinstance(size, int) and size]
        parts += [f"{self.along} {axis[0]:g} to {axis[-1]:g}"] if self.along and axis else []
        return ", ".join(parts)

    def measure(self, cell: Cell, axis: Sequence[float]) -> pd.Series:
        """Returns the number by draw at the arm's place; a slope is over the axis's values."""
        if not self.along:
            return cell.values(self.arm, self.columns)
        y = self.curve(cell, axis)
        x = np.asarray(y.columns, dtype=float)
        x = np.log2(x) if self.along in DOUBLED else x
        x = x - x.mean()
        return pd.Series(y.to_numpy() @ x / (x @ x), index=y.index)

    def curve(self, cell: Cell, axis: Sequence[float]) -> pd.DataFrame:
        """Returns draws x values of the axis, with the draws that are measured at all of them."""
        return self._over(cell, axis).dropna()

    def axis(self, cell: Cell) -> list[float]:
        """Returns the values of the axis, without those that fewer draws have than others."""
        wide = self._over(cell, cell.axis(self.arm, self.columns, self.along))
        complete = levels.complete(wide, lambda values: len(values) >= FEW_VALUES)
        return (complete if len(complete) else wide).columns.astype(float).tolist()

    def _over(self, cell: Cell, axis: Sequence[float]) -> pd.DataFrame:
        arms = {value: replace(self.arm, **{self.along: value}) for value in axis}  # type: ignore[arg-type]
        columns = {value: cell.values(arm, self.columns) for value, arm in arms.items()}
        return pd.DataFrame(columns)

    def chosen(self, choice: Choice) -> "Term":
        """Returns the term with chosen values in place of its arm's Each."""
        named = {name: choice[name] for name in self.arm.axes(Each)}
        return replace(self, arm=replace(self.arm, **named))  # type: ignore[arg-type]


def at_each(cell: Cell, terms: Sequence[Term], compare: Callable[[Choice], list[T]]) -> list[T]:
    """Returns the comparisons at every measured value of the arms' Each, or those of plain arms.

    A claim about each value is not one about a single value: if only one can be compared, as the
    share 1 of real images without any mixture, the result is [].
    """
    varied = [cell.choices(term.arm, term.columns) for term in terms if term.arm.axes(Each)]
    if not varied:
        return compare({})
    parts = [compare(dict(choice)) for choice in sorted(set.intersection(*varied))]
    parts = [part for part in parts if part]
    return [c for part in parts for c in part] if len(parts) >= FEW_PLACES else []


def at_places(cell: Cell, terms: list[Term]) -> list[Term]:
    """Returns the terms at sizes at which all are measured, [] if there are none.

    The result is also [] if two of the terms turn out to be the same.
    """
    arms = cell.at([term.arm for term in terms], [term.columns for term in terms])
    placed = [replace(term, arm=arm) for term, arm in zip(terms, arms, strict=bool(arms))]
    return placed if len(set(placed)) == len(terms) else []


def shared_axis(cell: Cell, terms: list[Term]) -> list[float]:
    """Returns, in ascending order, the axis's values at which all slopes are measured."""
    axes = [set(term.axis(cell)) for term in terms if term.along]
    values = sorted(set.intersection(*axes)) if axes else []
    halved = any(getattr(term.arm, term.along).upper for term in terms if term.along)
    return values[len(values) // 2 :] if halved else values


def spread(cell: Cell, terms: Sequence[Term]) -> str:
    """Describes the variance components of a difference; "" for slopes and for one seed."""
    if any(term.along for term in terms):
        return ""
    values = [cell.each(term.arm, term.columns) for term in terms]
    first, *others = values
    return levels.components(first - others[0] if others else first).text


def words(terms: Sequence[Term], axis: Sequence[float]) -> str:
    """Describes a difference: its terms and their places."""
    places = [term.place_text(axis) for term in terms]
    if len(set(places)) == 1:
        return f"{' - '.join(term.text for term in terms)}, {places[0]}"
    return " - ".join(f"{t.text} ({place})" for t, place in zip(terms, places, strict=True))
