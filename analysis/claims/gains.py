"""Claims that one change helps about as much as another."""

from dataclasses import dataclass

from analysis.claims.cells import Cell
from analysis.claims.judging import Comparison
from analysis.claims.terms import Term, at_places
from analysis.intervals import t_interval

FACTOR = 2.0  # gains are similar within it, either way; the paper gives no number


@dataclass(frozen=True)
class SimilarGain:
    """The gain of one arm over a base lies within a factor of that of another.

    With g and r the two gains: g - r / FACTOR and FACTOR r - g are above 0, so both are gains.
    """

    arm: Term
    reference: Term
    base: Term
    sign: int = 1  # -1 where lower is better

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.arm, self.reference, self.base)

    @property
    def needs(self) -> list[str]:
        return list(self.arm.columns)

    @property
    def per(self) -> str:
        return ""

    @property
    def assumed(self) -> str:
        return f"similar gains differ by a factor of at most {FACTOR:g}"

    @property
    def text(self) -> str:
        each = [f"{term.arm.name} ({term.arm.place})" for term in self.terms]
        return (
            f"the gain in {self.arm.column} of {each[0]} over {each[2]} is at least 1/{FACTOR:g} "
            f"and at most {FACTOR:g} times that of {each[1]}"
        )

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Two, over the draws that have all three arms."""
        terms = at_places(cell, list(self.terms))
        if not terms:
            return []
        arm, reference, base = (term.measure(cell, []) for term in terms)
        gain, other = self.sign * (arm - base), self.sign * (reference - base)
        both = {
            f"its gain minus 1/{FACTOR:g} of that of the reference": gain - other / FACTOR,
            f"{FACTOR:g} times the gain of the reference minus its own": FACTOR * other - gain,
        }
        places = "; ".join(f"{term.text} ({term.where([])})" for term in terms)
        return [
            Comparison(f"{what}: {places}", t_interval(values.dropna(), overlap=cell.overlap))
            for what, values in both.items()
            if values.notna().any()
        ]
