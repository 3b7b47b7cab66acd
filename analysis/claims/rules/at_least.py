"""Defines rules that need at least u of K statements to be true, each of them a comparison.

With p-values p_1 <= ... <= p_K of K statements, the p-value of the hypothesis that fewer than u of
them are true is (K - u + 1) p_u (Benjamini and Heller 2008, in Bonferroni's form, which is valid
under any dependence). u = K needs all of them, as other rules do; u = 1 needs one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.claims.rules.judging import Compared, Comparison, p_values
from analysis.claims.rules.rule import Differs, InEach, OfRule
from analysis.claims.trials.cells import Cell
from analysis.statistics.intervals import Interval

ALMOST_ALL, OFTEN = 0.85, 0.5  # shares of what is measured; the paper gives no numbers


@dataclass(frozen=True)
class AtLeast:
    """Requires that at least `need` parts hold; the comparisons of a part must all hold."""

    what: str
    parts: tuple[tuple[Comparison, ...], ...]
    need: int

    @property
    def decisive(self) -> Comparison:
        """Returns the weakest comparison of the last part that is needed."""
        weakest = [min(part, key=lambda comparison: comparison.room) for part in self.parts]
        return sorted(weakest, key=lambda comparison: -comparison.room)[self.need - 1]

    @property
    def interval(self) -> Interval:
        return self.decisive.interval

    @property
    def spread(self) -> str:
        return self.decisive.spread

    @property
    def room(self) -> float:
        return self.decisive.room

    @property
    def low(self) -> float:
        return self.decisive.low

    @property
    def high(self) -> float:
        return self.decisive.high

    @property
    def shared(self) -> bool:
        return self.decisive.shared

    @property
    def enough(self) -> bool:
        return all(comparison.enough for part in self.parts for comparison in part)

    @property
    def inside(self) -> float:
        """Returns the two-sided p-value of the hypothesis that fewer than `need` parts are true."""
        p = sorted(p_values(part).holds for part in self.parts)
        return min(1.0, (len(p) - self.need + 1) * p[self.need - 1])

    @property
    def outside(self) -> float:
        """Returns the two-sided p-value of the hypothesis that `need` or more parts are true."""
        q = sorted(p_values(part).fails for part in self.parts)
        return min(1.0, self.need * q[len(q) - self.need])


@dataclass(frozen=True)
class Mostly(OfRule):
    """Requires a difference in a share of the columns or places that its rule compares."""

    rule: Differs | InEach
    share: float

    @property
    def text(self) -> str:
        return f"{self.rule.text}: in at least {self.share:.0%} of them"

    @property
    def assumed(self) -> str:
        """States what the paper leaves open and this rule assumes."""
        return f"at least {self.share:.0%} of those measured"

    def comparisons(self, cell: Cell) -> Sequence[Compared]:
        """Returns one comparison of how many hold, [] if fewer than two are measured."""
        if isinstance(self.rule, InEach):
            groups = self.rule.by_column(cell)
        else:
            groups = [[comparison] for comparison in self.rule.comparisons(cell)]
        parts = tuple(tuple(part) for part in groups if part)
        if len(parts) < 2:
            return []
        need = math.ceil(round(self.share * len(parts), 9))
        unnamed = AtLeast("", parts, need)
        n_shown = sum(p_values(part).holds <= 0.05 for part in parts)
        start = f"{need} of {len(parts)} needed, {n_shown} shown (95 %); nearest to that"
        return [AtLeast(f"{start}: {unnamed.decisive.what}", parts, need)]
