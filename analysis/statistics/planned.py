"""Decides primary claims at planned numbers of replicates, each with its own error probability.

Testing again after each replicate until something is significant multiplies the errors. So a
primary claim is decided at planned sizes only, each with its own error, and by the first
replicates alone (0, 1, ... in order): tests in between change nothing. The errors add up to 5 %,
and by the union bound (Bonferroni) no more than that share of true hypotheses is rejected over all
looks together, however the looks depend on each other. The first decision is final.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

SIZES = (5, 10, 20)
ERRORS = (0.01, 0.02, 0.02)  # at each size, for both directions together
RATE = 0.05  # expected rate of wrong decisions among those that are not planned (exploratory)
HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "fails", "not decided", "not run"


@dataclass(frozen=True)
class PValues:
    """Holds two-sided p-values: small `holds` speaks for the claim, small `fails` against it."""

    holds: float
    fails: float

    def verdict(self, error: float) -> str:
        """Returns the verdict at this error; not decided if neither p-value is small enough."""
        if min(self.holds, self.fails) > error:
            return UNDECIDED
        return HOLDS if self.holds < self.fails else FAILS


@dataclass(frozen=True)
class Decision:
    """Holds the verdict so far; n and error are those of the deciding or else of the last look."""

    verdict: str
    n: int  # 0 before the first planned size
    error: float
    following: int | None  # the next planned size, None if decided or after the last

    @property
    def text(self) -> str:
        """States in half a sentence when the claim was decided, or can be next."""
        if self.verdict != UNDECIDED:
            return f"decided at the planned n = {self.n} with an error of {self.error:g}"
        reached = f"with the planned n = {self.n} (error {self.error:g}) reached" if self.n else ""
        ahead = f"next planned n = {self.following}" if self.following else "no further size"
        return f"{reached}, {ahead}" if reached else f"first planned n = {self.following}"


def looks(units: Collection[int]) -> list[tuple[int, float]]:
    """Returns the planned (n, error) that are reached: units 0 to n - 1 are all present."""
    return [(n, error) for n, error in zip(SIZES, ERRORS, strict=True) if {*range(n)} <= {*units}]


def decide(units: Collection[int], p_values_of: Callable[[int], PValues | None]) -> Decision:
    """Returns the first decision at a planned size.

    `p_values_of(n)` gives p-values of the first n units. A size at which `p_values_of` returns None
    is not reached, and neither are the larger ones.
    """
    last, error = 0, 0.0
    for n, allowed in looks(units):
        p = p_values_of(n)
        if p is None:
            break
        last, error = n, allowed
        verdict = p.verdict(allowed)
        if verdict != UNDECIDED:
            return Decision(verdict, n, allowed, None)
    return Decision(UNDECIDED, last, error, next((n for n in SIZES if n > last), None))


def false_discovery(p: list[float]) -> list[float]:
    """Returns the adjusted p-values of Benjamini and Yekutieli (2001), to compare with a rate.

    Claims share trials, some with opposite signs, so their p-values depend on each other in ways
    that the procedure of Benjamini and Hochberg does not allow for. This one is valid under any
    dependence, at the cost of p-values that are 1 + 1/2 + ... + 1/m times larger.
    """
    m = len(p)
    order = sorted(range(m), key=lambda index: p[index])
    harmonic = sum(1 / rank for rank in range(1, m + 1))
    adjusted, least = [1.0] * m, 1.0
    for rank in range(m, 0, -1):
        index = order[rank - 1]
        least = min(least, p[index] * m * harmonic / rank)
        adjusted[index] = least
    return adjusted
