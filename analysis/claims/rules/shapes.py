"""Defines rules about the shape of a curve: one peak, double descent."""

from dataclasses import dataclass

import numpy as np

from analysis.claims.rules.judging import Comparison
from analysis.claims.rules.rule import Rule
from analysis.claims.rules.terms import FEW_VALUES, Term, at_places, shared_axis
from analysis.claims.trials.arms import NORMAL
from analysis.claims.trials.cells import Cell
from analysis.double_descent import descent
from analysis.errors import ResultsError
from analysis.statistics.intervals import FEW_SEEDS, t_interval


@dataclass(frozen=True)
class Peaks(Rule):
    """Requires that a curve rises to an inner peak and falls again, each beyond the noise.

    As in `analysis.double_descent.descent` the peak is located on the other draws, and measured on
    the draw that was left out.
    """

    term: Term

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.term,)

    @property
    def needs(self) -> list[str]:
        return list(self.term.columns)

    @property
    def text(self) -> str:
        arm = self.term.arm
        return (
            f"{self.term.column} of {arm.name} at {arm.place}: its peak, located on the other "
            "draws, minus the first and minus the last value is above 0"
        )

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns the rise before the peak and the drop after it, [] if not measured."""
        terms = at_places(cell, [self.term])
        axis = shared_axis(cell, terms)
        if not terms or len(axis) < FEW_VALUES:
            return []
        y = terms[0].curve(cell, axis).to_numpy()
        if not len(y):
            return []
        place = f"{self.term.column} of {self.term.arm.name}, {terms[0].place_text(axis)}"
        return [
            Comparison(
                f"{name} of {place}",
                t_interval(move, True, cell.overlap),
                seeds=FEW_SEEDS,
                shared=True,
            )
            for name, move in zip(("rise", "drop"), rise_and_drop(y), strict=True)
        ]


def rise_and_drop(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each draw's value at the others' inner peak minus its first and minus its last.

    `y` is (draws, points); both results are (draws,).
    """
    n = len(y)
    others = (y.sum(axis=0) - y) / (n - 1) if n > 1 else y
    peak = others[:, 1:-1].argmax(axis=1) + 1
    top = y[np.arange(n), peak]
    return top - y[:, 0], top - y[:, -1]


@dataclass(frozen=True)
class DoubleDescends(Rule):
    """Requires that the negative test ELBO goes down, up and down along Figure 8's path.

    See `analysis.double_descent.descent`.
    """

    @property
    def terms(self) -> tuple[Term, ...]:
        return (Term("test_elbo"),)

    @property
    def needs(self) -> list[str]:
        return ["test_elbo"]

    @property
    def text(self) -> str:
        return (
            "first descent, rise and second descent of the negative test_elbo along n_c, then m_z, "
            "then n_c, located on the other draws, are above 0"
        )

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns the three moves, [] if there is no verdict."""
        keys = cell.trials.loc[cell.measured.of(NORMAL, ("test_elbo",)).index, "key"]
        frame = cell.frame[cell.frame["key"].isin(keys)]
        try:
            verdict = descent.verdict(frame)
        except ResultsError:
            return []
        return [
            Comparison(
                f"{move.name} of negative test_elbo of normal",
                move.crossfit,
                seeds=FEW_SEEDS,
                shared=True,
            )
            for move in verdict.moves
        ]
