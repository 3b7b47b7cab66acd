"""Defines the rule that one change helps about as much as another."""

from dataclasses import dataclass, replace

from analysis.claims.rules.judging import Comparison
from analysis.claims.rules.rule import Rule
from analysis.claims.rules.terms import Term, at_places
from analysis.claims.trials.cells import Cell
from analysis.statistics.intervals import t_interval

FACTOR = 2.0  # gains within this factor of each other are similar; the paper gives no number


@dataclass(frozen=True)
class SimilarGain(Rule):
    """Requires that one arm's gain over a base is within a factor of another arm's gain.

    With the two gains g and r, g - r / FACTOR and FACTOR r - g must be above 0, so both are gains.
    """

    arm: Term
    reference: Term
    base: Term
    sign: int = 1  # -1 if lower is better

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.arm, self.reference, self.base)

    @property
    def needs(self) -> list[str]:
        return list(self.arm.columns)

    @property
    def assumed(self) -> str:
        return f"similar gains differ by a factor of at most {FACTOR:g}"

    @property
    def text(self) -> str:
        texts = [f"{term.arm.name} ({term.arm.place})" for term in self.terms]
        return (
            f"the gain in {self.arm.column} of {texts[0]} over {texts[2]} is at least 1/{FACTOR:g} "
            f"and at most {FACTOR:g} times that of {texts[1]}"
        )

    def comparisons(self, cell: Cell) -> list[Comparison]:
        """Returns two comparisons over the draws that have all three arms."""
        terms = self._placed(cell)
        if not terms:
            return []
        arm, reference, base = (term.measure(cell, []) for term in terms)
        gain, other = self.sign * (arm - base), self.sign * (reference - base)
        differences = {
            f"its gain minus 1/{FACTOR:g} of that of the reference": gain - other / FACTOR,
            f"{FACTOR:g} times the gain of the reference minus its own": FACTOR * other - gain,
        }
        places = "; ".join(f"{term.text} ({term.place_text([])})" for term in terms)
        return [
            Comparison(f"{what}: {places}", t_interval(values.dropna(), overlap=cell.overlap))
            for what, values in differences.items()
            if values.notna().any()
        ]

    def _placed(self, cell: Cell) -> list[Term]:
        """Returns the terms at measured sizes, with the reference at the size of the base."""
        pair = at_places(cell, [self.arm, self.base])
        if not pair:
            return []
        place = {"m_z": pair[1].arm.m_z, "n_c": pair[1].arm.n_c}
        reference = replace(self.reference, arm=replace(self.reference.arm, **place))  # type: ignore[arg-type]
        reference_pair = at_places(cell, [reference, pair[1]])
        return [pair[0], reference_pair[0], pair[1]] if reference_pair else []
