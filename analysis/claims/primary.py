"""Lists the primary claims, which were fixed before any run that tests them, and decides them.

They are decided at the planned sizes of `analysis.statistics.planned` only, with errors that add up
to 5 % for each of them. All other claims are exploratory: of those that the ledger decides, at most
5 % are expected to be decided wrongly (`analysis.statistics.planned.false_discovery`).
"""

from analysis.claims.rules.judging import p_values
from analysis.claims.rules.rule import Rule
from analysis.claims.trials.cells import Cell
from analysis.errors import ResultsError
from analysis.statistics.levels import SEEDS, WORDS
from analysis.statistics.planned import Decision, PValues, decide

SEEDS_ALONE = WORDS[SEEDS][0]  # the level at which no claim about data is decided
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
    """Decides a primary claim in a setting at the planned sizes, which count draws.

    A size is reached if each comparison of the rule has all of the draws 0 to n - 1; other draws
    are not used, so more draws change no decision.
    """
    return decide(cell.units, lambda n: look(rule, cell, n))


def text(decided: Decision, cell: Cell) -> str:
    """Says when the claim was or will be decided, with a caveat if only seeds differ."""
    if not cell.level.startswith(SEEDS_ALONE):
        return decided.text
    return f"{decided.text}; by {SEEDS_ALONE} only, which say nothing about other data"


def look(rule: Rule, cell: Cell, n: int) -> PValues | None:
    """Returns the p-values of the draws 0 to n - 1, None if a comparison lacks one of them."""
    try:
        comparisons = rule.comparisons(cell.first(n))
    except ResultsError:
        return None
    if not comparisons or any(c.interval.n != n for c in comparisons):
        return None
    return p_values(comparisons)
