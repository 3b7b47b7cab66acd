"""Defines the rule of monotone claims, by steps: a slope may rise although the curve has turned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from analysis.claims.rules.judging import Comparison, difference
from analysis.claims.rules.regions import ABOVE, Region
from analysis.claims.rules.rule import Rule
from analysis.claims.rules.terms import FEW_VALUES, Choice, Term, at_each, at_places, shared_axis
from analysis.claims.trials.cells import Cell


@dataclass(frozen=True)
class Monotone(Rule):
    """Requires that a number or difference goes one way from each value of an axis to the next.

    It fails if any step goes the other way beyond the noise, and holds if no step is in doubt.
    """

    first: Term
    others: tuple[Term, ...] = ()
    region: Region = ABOVE

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.first, *self.others)

    @property
    def needs(self) -> list[str]:
        return list(dict.fromkeys(name for term in self.terms for name in term.columns))

    @property
    def text(self) -> str:
        arms = " minus that of ".join(f"{term.arm.name} at {term.arm.place}" for term in self.terms)
        way = "up" if self.region.low == 0 else "down"
        return f"{self.first.column} of {arms} goes {way} in every step along {self.first.along}"

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns one comparison per step and per value of Each that is measured."""
        return at_each(cell, self.terms, lambda choice: self._at(cell, choice))

    def _at(self, cell: Cell, choice: Choice) -> list[Comparison]:
        terms = at_places(cell, [term.chosen(choice) for term in self.terms])
        axis = shared_axis(cell, terms)
        if not terms or len(axis) < FEW_VALUES:
            return []
        curve, *others = (term.curve(cell, axis) for term in terms)
        for other in others:
            curve = (curve - other).dropna()
        if curve.empty:
            return []
        low, high = self.region.low, self.region.high
        return [
            Comparison(
                self._words(terms, a, b), difference(curve[b], curve[a], cell.overlap), low, high
            )
            for a, b in pairwise(axis)
        ]

    def _words(self, terms: Sequence[Term], a: float, b: float) -> str:
        name = self.first.along
        plain = [replace(term, arm=replace(term.arm, **{name: a})) for term in terms]  # type: ignore[arg-type]
        names = " - ".join(f"{term.column} of {term.arm.name}" for term in plain)
        place = ", ".join(f"{n}={getattr(plain[0].arm, n):g}" for n in ("m_z", "n_c") if n != name)
        return f"step of {names} from {name}={a:g} to {b:g}" + f", {place}" * bool(place)
