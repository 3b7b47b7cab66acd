"""Defines rules, which make the comparisons that decide a claim from trials of a setting."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from analysis.claims.rules.judging import Compared, Comparison, difference
from analysis.claims.rules.regions import ABOVE, Region
from analysis.claims.rules.terms import (
    FEW_VALUES,
    Choice,
    Term,
    at_each,
    at_places,
    shared_axis,
    spread,
    words,
)
from analysis.claims.trials.cells import Cell
from analysis.statistics.intervals import t_interval


class Rule(Protocol):
    """Defines what a rule provides."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """Returns the numbers that are compared."""

    @property
    def needs(self) -> list[str]:
        """Returns the columns without which nothing is decided."""

    @property
    def per(self) -> str:
        """Returns what the unit of differences adds to the column's, as in " per doubling of k"."""
        return ""

    @property
    def text(self) -> str:
        """States in one sentence when the claim holds."""

    @property
    def assumed(self) -> str:
        """States the margin or number that the rule assumes and the paper does not give, or ""."""
        return ""

    def comparisons(self, cell: Cell) -> Sequence[Compared]:
        """Returns the comparisons that must hold, [] if not measured. Raises ResultsError."""


@dataclass(frozen=True)
class Differs(Rule):
    """Requires that the first term minus each other one, or minus a constant, is in a region."""

    first: Term
    others: tuple[Term, ...] = ()
    region: Region = ABOVE
    constant: float = 0.0

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.first, *self.others)

    @property
    def needs(self) -> list[str]:
        margin = self.region.margin
        extra = [margin.column] if margin and not margin.number else []
        return list(dict.fromkeys([*(n for t in self.terms for n in t.columns), *extra]))

    @property
    def per(self) -> str:
        return self.first.per

    @property
    def assumed(self) -> str:
        margin = self.region.margin
        return f"a difference of at most {margin.text} counts as none" if margin else ""

    @property
    def text(self) -> str:
        places = {term.arm.place for term in self.terms}
        shared = places.pop() if len(places) == 1 else ""
        texts = [term.text if shared else f"{term.text} ({term.arm.place})" for term in self.terms]
        texts += [f"{self.constant:g}"] if self.constant else []
        place = f", at {shared}" if shared else ""
        suffix = ", for each of them" if len(self.others) > 1 else ""
        comma = "," if place or suffix else ""
        minus = " minus ".join([texts[0], " or ".join(texts[1:])] if texts[1:] else texts)
        return f"{minus}{place}{suffix}{comma} is {self.region.text}"

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns one comparison per other term and per value of Each that is measured."""
        bounds = self.region.bounds(cell)
        if bounds is None:
            return []
        return at_each(cell, self.terms, lambda choice: self._at(cell, choice, bounds))

    def _at(self, cell: Cell, choice: Choice, bounds: tuple[float, float]) -> list[Comparison]:
        terms = at_places(cell, [term.chosen(choice) for term in self.terms])
        axis = shared_axis(cell, terms)
        if not terms or (terms[0].along and len(axis) < FEW_VALUES):
            return []
        first, *others = (term.measure(cell, axis) for term in terms)
        if any(values.empty for values in (first, *others)):
            return []
        intervals = [difference(first, other, cell.overlap) for other in others]
        intervals = intervals or [t_interval(first - self.constant, overlap=cell.overlap)]
        pairs = [[terms[0], other] for other in terms[1:]] or [terms]
        less = f" minus {self.constant:g}" if self.constant else ""
        return [
            Comparison(words(pair, axis) + less, interval, *bounds, spread=spread(cell, pair))
            for pair, interval in zip(pairs, intervals, strict=True)
        ]


@dataclass(frozen=True)
class OfRule(Rule):
    """Makes its comparisons from those of another rule, with the same terms and columns."""

    rule: Rule

    @property
    def terms(self) -> tuple[Term, ...]:
        return self.rule.terms

    @property
    def needs(self) -> list[str]:
        return self.rule.needs

    @property
    def per(self) -> str:
        return self.rule.per


@dataclass(frozen=True)
class InEach(OfRule):
    """Requires a difference in each measured column that the pattern matches."""

    rule: Differs
    columns: tuple[str, ...]

    @property
    def assumed(self) -> str:
        return self.rule.assumed

    @property
    def text(self) -> str:
        return f"{self.rule.text}, in each column by itself"

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns the comparisons of all columns."""
        return [comparison for comparisons in self.by_column(cell) for comparison in comparisons]

    def by_column(self, cell: Cell) -> list[list[Comparison]]:
        """Returns the comparisons of each column."""
        return [self._of(name).comparisons(cell) for name in self.columns]

    def _of(self, name: str) -> Differs:
        first, *others = (replace(term, column=name) for term in self.terms)
        return replace(self.rule, first=first, others=tuple(others))
