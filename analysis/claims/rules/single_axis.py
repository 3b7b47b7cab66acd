"""Defines rules about a single complexity axis: no decline, and no double descent."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.claims.rules.judging import Comparison
from analysis.claims.rules.regions import GAP
from analysis.claims.rules.rule import Rule
from analysis.claims.rules.shapes import rise_and_drop
from analysis.claims.rules.terms import FEW_VALUES, Term, at_places, shared_axis
from analysis.claims.trials.arms import Each
from analysis.claims.trials.cells import Cell
from analysis.double_descent import descent
from analysis.statistics.intervals import FEW_SEEDS, Interval, t_interval


@dataclass(frozen=True)
class NoDecline(Rule):
    """Requires that a curve falls by no more than the margin from its inner peak to its end.

    The peak is located on the other draws, and the fall is measured on the draw that was left out.
    """

    term: Term

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.term,)

    @property
    def needs(self) -> list[str]:
        return list(dict.fromkeys([*self.term.columns, GAP.column]))

    @property
    def assumed(self) -> str:
        return f"a fall of at most {GAP.text} counts as none"

    @property
    def text(self) -> str:
        arm = self.term.arm
        return (
            f"{self.term.column} of {arm.name} at {arm.place}: its inner peak, located on the "
            f"other draws, minus its last value is at most {GAP.text}"
        )

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns the fall after the peak, [] if it is not measured."""
        terms, margin = at_places(cell, [self.term]), GAP.size(cell)
        axis = shared_axis(cell, terms)
        if not terms or margin is None or len(axis) < FEW_VALUES:
            return []
        y = terms[0].curve(cell, axis).to_numpy()
        if not len(y):
            return []
        fall = t_interval(rise_and_drop(y)[1], True, cell.overlap)
        what = f"fall of {self.term.column} of {self.term.arm.name}, {terms[0].place_text(axis)}"
        return [Comparison(what, fall, -math.inf, margin, FEW_SEEDS, shared=True)]


@dataclass(frozen=True)
class NotAllMoves:
    """Compares the smallest of three moves with the margin: it is not larger.

    The other draws choose the smallest move and its location, so that one move is tested. For the
    claim to fail, all three moves must be larger than the margin.
    """

    smallest: Comparison
    moves: tuple[Comparison, ...]
    what: str = ""
    spread: str = ""
    shared: bool = True

    @property
    def interval(self) -> Interval:
        return self.smallest.interval

    @property
    def low(self) -> float:
        return self.smallest.low

    @property
    def high(self) -> float:
        return self.smallest.high

    @property
    def room(self) -> float:
        return self.smallest.room

    @property
    def enough(self) -> bool:
        return self.smallest.enough

    @property
    def inside(self) -> float:
        """Returns the two-sided p-value of the hypothesis that all moves are larger."""
        return self.smallest.inside

    @property
    def outside(self) -> float:
        """Returns the two-sided p-value of the hypothesis that one of the moves is not larger."""
        return max(move.outside for move in self.moves)


@dataclass(frozen=True)
class NoDoubleDescent(Rule):
    """Requires that, along each axis alone, a negated curve does not go down, up and down again.

    A double descent that the draws are too noisy to locate is not excluded.
    """

    axes: tuple[Term, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        return self.axes

    @property
    def needs(self) -> list[str]:
        return list(dict.fromkeys([*(n for t in self.axes for n in t.columns), GAP.column]))

    @property
    def assumed(self) -> str:
        return f"a move of at most {GAP.text} counts as none"

    @property
    def text(self) -> str:
        axes = " and ".join(f"{term.along} ({term.arm.place})" for term in self.axes)
        return (
            f"along {axes} alone, first descent, rise or second descent of the negative "
            f"{self.axes[0].column}, located on the other draws, is at most {GAP.text}"
        )

    def comparisons(self, cell: Cell) -> list[NotAllMoves]:
        """Returns one comparison per curve of at least four points; [] if an axis has no curve."""
        margin = GAP.size(cell)
        if margin is None:
            return []
        by_axis = [self._curves(cell, term, margin) for term in self.axes]
        return [curve for curves in by_axis for curve in curves] if all(by_axis) else []

    def _curves(self, cell: Cell, term: Term, margin: float) -> list[NotAllMoves]:
        varied = bool(term.arm.axes(Each))
        choices = sorted(cell.choices(term.arm, term.columns)) if varied else [()]
        curves = [self._curve(cell, term.chosen(dict(choice)), margin) for choice in choices]
        return [curve for curve in curves if curve]

    def _curve(self, cell: Cell, term: Term, margin: float) -> NotAllMoves | None:
        terms = at_places(cell, [term])
        axis = shared_axis(cell, terms)
        if not terms or len(axis) < descent.FEW_POINTS:
            return None
        y = -terms[0].curve(cell, axis).to_numpy()
        if not len(y):
            return None

        def compared(what: str, values: np.ndarray) -> Comparison:
            interval = t_interval(values, True, cell.overlap)
            return Comparison(what, interval, -math.inf, margin, FEW_SEEDS, shared=True)

        place = f"negative {term.column}, {terms[0].place_text(axis)}"
        sizes = descent.crossfit(y)
        moves = [
            compared(f"{n} of {place}", sizes[:, index]) for index, n in enumerate(descent.MOVES)
        ]
        what = f"smallest of the three moves of {place}"
        return NotAllMoves(compared(what, smallest_move(y)), tuple(moves), what)


def smallest_move(y: np.ndarray) -> np.ndarray:
    """Returns, for (draws, points) of negative ELBOs, each draw's move that the others choose.

    The other draws locate the three moves, and choose the smallest of them. The result is (draws,).
    """
    n = len(y)
    others = (y.sum(axis=0) - y) / (n - 1) if n > 1 else y
    points = descent.locate(others)
    smallest = descent.sizes(others, points)[:, : len(descent.MOVES)].argmin(axis=1)
    return np.asarray(descent.sizes(y, points)[np.arange(n), smallest])
