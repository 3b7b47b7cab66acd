"""Judges every empirical claim of the paper's sections 5 and B to G, in a ledger.

`python -m analysis claims --results results` shows, for each claim and setting, our difference with
n and 95 % interval, the paper's numbers, and a verdict: holds, fails, not decided, or not run. A
few primary claims are decided at planned sizes, all others with a false-discovery rate.

- A `Claim` is a statement of the paper, with the `Rule` that decides it.
- A `Cell` holds finished trials of one setting, which may be compared: one data set, network, ...
- An `Arm` describes the trials of one method at one size, such as DMaaPx at m_z = 1.
- A `Term` is a number of an arm for each draw: the final value of a column, or its slope.
- A `Region` is the interval in which a difference of terms must lie; a `Margin` is the largest
  difference that counts as none.
- A draw is a replicate or a seed (`analysis.statistics.levels`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis import curves, figures, results
from analysis.claims import primary
from analysis.claims.claim import Claim
from analysis.claims.page import only, text, write
from analysis.claims.paper import (
    appendices_b_to_e,
    appendices_f_and_g,
    sections_5_2_to_5_4,
    sections_5_5_to_5_7,
)
from analysis.claims.rules.judging import NOT_RUN, UNDECIDED, Compared, judge
from analysis.claims.rules.rule import Rule
from analysis.claims.trials import near_copies
from analysis.claims.trials.cells import Cell, cells, measured_alike
from analysis.claims.trials.method_options import split_by_options
from analysis.claims.wording import PAPERS as PAPERS
from analysis.claims.wording import others
from analysis.columns import COLUMNS
from analysis.errors import ResultsError
from analysis.printed import print_lines
from analysis.selection.early import at_best
from analysis.statistics.planned import RATE, false_discovery

PRIMARY, EXPLORATORY = "primary", "exploratory"
ELSEWHERE = "other"  # measured on other data than the paper's
CLAIMS: tuple[Claim, ...] = (
    *sections_5_2_to_5_4.CLAIMS,
    *sections_5_5_to_5_7.CLAIMS,
    *appendices_b_to_e.CLAIMS,
    *appendices_f_and_g.CLAIMS,
)


@dataclass(frozen=True)
class Judged:
    """Holds the comparisons of a rule in a setting, or why there are none."""

    rule: Rule
    cell: Cell
    comparisons: Sequence[Compared]
    why: str = ""


Entry = tuple[dict[str, object], Claim, Judged | None]  # a row, its claim and comparisons


def ledger(frame: pd.DataFrame, claims: Iterable[Claim] = CLAIMS) -> pd.DataFrame:
    """Returns a row per claim and setting in which it is measured, or a row on what to run.

    `difference`, `low`, `high`, `n` and `compared` are those of the comparison nearest to failing,
    one of `comparisons`; `also` has the others if they are few. `level` says what n counts, and
    `spread` how draws and seeds vary. `p` is the p-value of the verdict, and `q` is that of an
    exploratory claim adjusted for all exploratory rows (Benjamini and Yekutieli), which is decided
    if q is at most 0.05. A primary claim is decided at planned sizes
    (`analysis.statistics.planned`), as `decided` says.

    `data` says whether the row answers the claim, because it is measured on data for which the
    paper makes it, or shows the same on other data. `assumed` is a margin or number that this
    project chose.
    """
    return pd.DataFrame([row for row, _, _ in entries(frame, claims)])


def entries(frame: pd.DataFrame, claims: Iterable[Claim] = CLAIMS) -> list[Entry]:
    """Returns the rows of the ledger, each with its claim and the comparisons behind it."""
    settings = cells(frame)
    all_entries = [entry for claim in claims for entry in _rows(claim, settings)]
    explored = [
        row for row, _, _ in all_entries if row["kind"] == EXPLORATORY and row["comparisons"]
    ]
    rates = false_discovery([float(str(row["p"])) for row in explored])
    for row, q in zip(explored, rates, strict=True):
        row["q"] = q
        row["verdict"] = row["verdict"] if q <= RATE else UNDECIDED
    return all_entries


def main(
    path: Path,
    output: Path | None = None,
    conditions: Iterable[str] = (),
    verdicts: Sequence[str] = (),
    long: bool = False,
    best: bool = False,
) -> None:
    """Prints the ledger of results, or writes it to a .csv, .md or .html file and prints its name.

    `verdicts` are the words of `--only`, which selects rows; `long` prints rules and numbers too;
    with `best`, VAEs are judged at their best epochs (`early.at_best`).
    """
    frame = curves.where(results.load(path), conditions)
    table = ledger(at_best(frame) if best else frame).assign(
        at=curves.BEST if best else curves.LAST
    )
    selection = only(table, verdicts)
    printed = str(write(table, output, selection)) if output else text(table, selection, long)
    print_lines([printed, *figures.ended_early(frame)])


def judged(claim: Claim, settings: list[Cell]) -> list[Judged]:
    """Returns the comparisons of a claim in each setting in which it is measured."""
    rule = claim.rule
    if isinstance(rule, str):
        return []
    candidates = [cell for cell in settings if claim.about(cell) or claim.beyond(cell)]
    alike = [part for cell in candidates for part in measured_alike(cell, rule.needs)]
    parts = [part for cell in alike for part in split_by_options(cell, rule.terms)]
    return [judgement for part in parts if (judgement := _judged(rule, part))]


def _judged(rule: Rule, cell: Cell) -> Judged | None:
    try:
        comparisons = rule.comparisons(cell)
    except ResultsError as error:
        return Judged(rule, cell, [], str(error))
    return Judged(rule, cell, comparisons) if comparisons else None


def _rows(claim: Claim, settings: list[Cell]) -> list[Entry]:
    rows: list[Entry] = [
        (_measured(claim, judgement), claim, judgement) for judgement in judged(claim, settings)
    ]
    if any(row["data"] == PAPERS for row, _, _ in rows):
        return rows
    why = claim.rule if isinstance(claim.rule, str) else ""
    others = sorted({cell.dataset for cell in settings} - set(claim.datasets))
    if others and not why:
        why = f"not measured on {' or '.join(claim.datasets)}; {', '.join(others)} cannot answer it"
    return [(_row(claim, "", "", NOT_RUN, why), claim, None), *rows]


def _measured(claim: Claim, judgement: Judged) -> dict[str, object]:
    cell, comparisons = judgement.cell, judgement.comparisons
    data = PAPERS if claim.about(cell) else ELSEWHERE
    if not comparisons:
        return _row(claim, cell.label, cell.dataset, UNDECIDED, judgement.why) | {"data": data}
    evidence = judge(comparisons)
    interval, verdict, decided = evidence.decisive.interval, evidence.verdict, ""
    if claim.name in primary.PRIMARY:
        decision = primary.decision(judgement.rule, cell)
        verdict, decided = decision.verdict, primary.text(decision, cell)
    row = _row(claim, cell.label, cell.dataset, verdict, compared=evidence.decisive.what)
    return row | {
        "data": data,
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "level": cell.level,
        "spread": evidence.decisive.spread,
        "comparisons": evidence.comparisons,
        "also": others(comparisons, evidence.decisive),
        "p": min(evidence.p.holds, evidence.p.fails),
        "decided": decided,
        "beside": near_copies.nearness(cell) if claim.about_shares else "",
    }


def _row(
    claim: Claim, label: str, dataset: str, verdict: str, compared: str = ""
) -> dict[str, object]:
    """Returns a row of the ledger without numbers, in the order of its columns."""
    none = float("nan")
    return {
        "verdict": verdict,
        "kind": PRIMARY if claim.name in primary.PRIMARY else EXPLORATORY,
        "claim": claim.name,
        "statement": claim.statement,
        "where": claim.where,
        "data": PAPERS,
        "dataset": label,
        **{"difference": none, "low": none, "high": none, "n": 0, "level": "", "spread": ""},
        **{"comparisons": 0, "also": "", "p": none, "q": none, "decided": ""},
        **{"assumed": claim.assumed, "beside": ""},
        "unit": _unit(claim),
        "compared": compared,
        "paper": claim.published(dataset),
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
