"""The claims ledger: every empirical claim of the paper's sections 5 and B to G, judged.

`python -m analysis claims --results results`: per claim and setting measured what ours says with n
and 95 % interval, what the paper says, and a verdict: holds, fails, not decided, or not run. A few
primary claims are decided at planned sizes, all others with a false-discovery rate.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from analysis import curves, figures, results
from analysis.claims import appendix, downstream, parameters, primary, section5
from analysis.claims.cells import Cell, cells
from analysis.claims.claim import Claim
from analysis.claims.judging import NOT_RUN, UNDECIDED, judge
from analysis.claims.page import only, text, write
from analysis.claims.rules import Rule
from analysis.columns import COLUMNS
from analysis.planned import false_discovery
from analysis.trial_folder import ResultsError

PRIMARY, EXPLORATORY = "primary", "exploratory"
CLAIMS: tuple[Claim, ...] = (
    *section5.CLAIMS,
    *parameters.CLAIMS,
    *appendix.CLAIMS,
    *downstream.CLAIMS,
)


def ledger(frame: pd.DataFrame, claims: Iterable[Claim] = CLAIMS) -> pd.DataFrame:
    """A row per claim and setting in which it is measured, or one that says what to run.

    `difference`, `low`, `high`, `n` and `compared` are those of the comparison nearest to failing,
    one of `comparisons`; `level` says what n counts, `spread` how draws and seeds vary. `p` is the
    p-value of the verdict, `q` that of an exploratory claim among all exploratory rows here
    (Benjamini and Yekutieli): decided where q is at most 0.05. A primary claim is decided at
    planned sizes (`analysis.planned`), as `decided` says.
    """
    settings = cells(frame)
    rows = [row for claim in claims for row in _rows(claim, settings)]
    explored = [row for row in rows if row["kind"] == EXPLORATORY and row["comparisons"]]
    rates = false_discovery([float(str(row["p"])) for row in explored])
    for row, q in zip(explored, rates, strict=True):
        row["q"] = q
        row["verdict"] = row["verdict"] if q <= primary.RATE else UNDECIDED
    return pd.DataFrame(rows)


def main(
    path: Path,
    output: Path | None = None,
    conditions: Iterable[str] = (),
    verdicts: Sequence[str] = (),
    long: bool = False,
) -> None:
    """Prints the ledger of results, or writes it to a .csv, .md or .html file and prints its name.

    `verdicts` are the words of `--only`: rows of these alone; `long` prints rules and numbers too.
    """
    frame = curves.where(results.load(path), conditions)
    found = ledger(frame)
    shown = only(found, verdicts)
    said = str(write(found, output, shown)) if output else text(found, shown, long)
    print("\n".join([said, *figures.ended_early(frame)]))


def _rows(claim: Claim, settings: list[Cell]) -> list[dict[str, object]]:
    rule = claim.rule
    if isinstance(rule, str):
        return [_row(claim, "", "", NOT_RUN, rule)]
    judged = [_judged(claim, rule, cell) for cell in settings if claim.about(cell)]
    return [row for row in judged if row] or [_row(claim, "", "", NOT_RUN)]


def _judged(claim: Claim, rule: Rule, cell: Cell) -> dict[str, object] | None:
    try:
        comparisons = rule.comparisons(cell)
    except ResultsError as error:
        return _row(claim, cell.label, cell.dataset, UNDECIDED, compared=str(error))
    if not comparisons:
        return None
    evidence = judge(comparisons)
    found, verdict, said = evidence.decisive.interval, evidence.verdict, ""
    if claim.name in primary.PRIMARY:
        decided = primary.decision(rule, cell)
        verdict, said = decided.verdict, decided.text
    row = _row(claim, cell.label, cell.dataset, verdict, compared=evidence.decisive.what)
    return row | {
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "level": cell.level,
        "spread": evidence.decisive.spread,
        "comparisons": evidence.comparisons,
        "p": min(evidence.p.holds, evidence.p.fails),
        "decided": said,
    }


def _row(
    claim: Claim, label: str, dataset: str, verdict: str, compared: str = ""
) -> dict[str, object]:
    """A row of the ledger without numbers, in the order of its columns."""
    none = float("nan")
    return {
        "verdict": verdict,
        "kind": PRIMARY if claim.name in primary.PRIMARY else EXPLORATORY,
        "claim": claim.name,
        "statement": claim.statement,
        "where": claim.where,
        "dataset": label,
        **{"difference": none, "low": none, "high": none, "n": 0, "level": "", "spread": ""},
        **{"comparisons": 0, "p": none, "q": none, "decided": ""},
        "unit": _unit(claim),
        "compared": compared,
        "paper": claim.said(dataset),
        "contradicted": claim.against(dataset),
        "rule": claim.rule if isinstance(claim.rule, str) else claim.rule.text,
        "needs": ", ".join(claim.needs),
        "trials": claim.trials,
        "command": claim.command,
    }


def _unit(claim: Claim) -> str:
    if isinstance(claim.rule, str):
        return ""
    unit = COLUMNS.get(claim.terms[0].columns[0], ("", "", ""))[0]
    return f"{unit}{claim.rule.per}"
