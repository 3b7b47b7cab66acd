"""The primary claims, named before any run that reports on them, and how they are decided.

They are decided at the planned sizes of `analysis.planned` only, with errors that add up to 5 % for
each of them. All other claims are exploratory: of those that the ledger decides at most 5 % are
expected to be decided wrongly (`analysis.planned.false_discovery`).
"""

from analysis.claims.cells import Cell
from analysis.claims.judging import p_values
from analysis.claims.rules import Rule
from analysis.levels import SEEDS, WORDS
from analysis.planned import Decision, PValues, decide
from analysis.trial_folder import ResultsError

SEEDS_ALONE = WORDS[SEEDS][0]  # the level at which no claim about data is decided
RATE = 0.05  # of false discoveries among the exploratory claims that are decided
PRIMARY = (  # names of claims
    "test ELBO: diffusion samples, normal",
    "generalization gap: diffusion samples, normal",
    "amortization gap: diffusion samples, normal",
    "robustness gap: diffusion samples, normal",
    "m_z: generalization gap",
    "n_c: U at the smallest m_z",
    "double descent",
)


def decision(rule: Rule, cell: Cell) -> Decision:
    """What the planned sizes say of a primary claim in a setting; planned sizes count draws.

    A size is reached where each comparison of the rule has all of the draws 0 to n - 1; nothing
    else is looked at, so more draws change no decision.
    """
    return decide(cell.units, lambda n: look(rule, cell, n))


def said(decided: Decision, cell: Cell) -> str:
    """When it was or will be decided, and by what where that says nothing about other data."""
    if not cell.level.startswith(SEEDS_ALONE):
        return decided.text
    return f"{decided.text}; by {SEEDS_ALONE} only, which say nothing of other data"


def look(rule: Rule, cell: Cell, n: int) -> PValues | None:
    """The p-values of the draws 0 to n - 1 alone; None where a comparison lacks one of them."""
    try:
        found = rule.comparisons(cell.first(n))
    except ResultsError:
        return None
    if not found or any(each.interval.n != n for each in found):
        return None
    return p_values(found)
