"""Words the ledger for every kind of page: counts, summary, numbers, decisions."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis.claims.rules.judging import Compared
from analysis.curves import BEST
from analysis.selection.early import SENTENCE
from analysis.statistics.planned import FAILS, HOLDS, NOT_RUN, RATE, UNDECIDED

VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN)
PAPERS = "the paper's"  # value of `data` in rows measured on the paper's data
ELSEWHERE_HEAD = "On other data than the paper's, which answer none of its claims"

FEW_OTHERS = 3  # comparisons besides the decisive one that are listed
AT_BEST = f"{SENTENCE} The paper's claims, and the primary ones here, are about the last epochs. "


def counts(ledger: pd.DataFrame) -> str:
    """Counts each verdict on the paper's data, in the first line of every page.

    Other data answer no claim, and are counted separately by `summary`.
    """
    verdicts = ledger.loc[ledger["data"] == PAPERS, "verdict"].value_counts()
    text = "   ".join(f"{verdict} {verdicts.get(verdict, 0)}" for verdict in VERDICTS)
    return f"{text}   (on the paper's data)"


def summary(ledger: pd.DataFrame) -> str:
    """Summarizes the number of claims, and the counts of verdicts on the paper's and other data."""
    measured = ledger.loc[ledger["verdict"] != NOT_RUN, "dataset"].nunique()
    against = ledger.loc[ledger["contradicted"] != "", "claim"].nunique()
    assumed = ledger.loc[ledger["assumed"] != "", "claim"].nunique()
    on_papers = ledger["data"] == PAPERS
    other = ledger[~on_papers]
    names = ", ".join(sorted({str(n).partition(",")[0] for n in other["dataset"]}))
    elsewhere = f" On other data ({names}): {_counts(other)}." if len(other) else ""
    main = _counts(ledger[ledger["kind"] == "primary"], every=False)
    best = AT_BEST if "at" in ledger and ledger["at"].eq(BEST).any() else ""
    return (
        f"{best}{ledger['claim'].nunique()} claims, "
        f"{measured} setting{'s' * (measured != 1)} measured. "
        f"On the paper's data: {_counts(ledger[on_papers])}.{elsewhere} "
        f"Primary ones, decided at planned sizes: {main or 'none'}; the others are "
        f"exploratory, false-discovery rate {RATE:.0%} (Benjamini and Yekutieli). "
        f"Decided by a margin or number of this project, as the paper gives none: {assumed}. "
        f"Contradicted by the paper itself: {against}."
    )


def _counts(rows: pd.DataFrame, every: bool = True) -> str:
    counts = rows["verdict"].value_counts()
    return ", ".join(f"{v} {counts.get(v, 0)}" for v in VERDICTS if every or v in counts)


def parts(rows: pd.DataFrame) -> Iterator[tuple[bool, str, pd.DataFrame]]:
    """Yields judged rows by data and verdict: whether on the paper's data, verdict, rows.

    The paper's data come first, because only they answer its claims. Rows not run are left out.
    """
    on_papers = rows["data"] == PAPERS
    for papers in (True, False):
        for verdict in (HOLDS, FAILS, UNDECIDED):
            part = rows[(on_papers == papers) & (rows["verdict"] == verdict)]
            if len(part):
                yield papers, verdict, part


def absent(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yields the rows that are not run, grouped by the command that measures them."""
    for command, part in rows[rows["verdict"] == NOT_RUN].groupby("command", sort=False):
        yield str(command), part


def ours(row: dict[Any, Any]) -> str:
    """Formats the measured difference with its interval; "" if there is none."""
    if row["verdict"] == NOT_RUN or math.isnan(row["difference"]):
        return ""
    unit = "" if row["unit"] == "1" else row["unit"]
    return f"{_interval(row['difference'], row['low'], row['high'])} {unit}".strip()


def others(comparisons: Sequence[Compared], decisive: Compared) -> str:
    """Formats the comparisons besides the decisive one; "" if they are more than a few."""
    rest = [c for c in comparisons if c is not decisive]
    if len(rest) > FEW_OTHERS:
        return ""
    intervals = [(c.interval.mean, c.interval.low, c.interval.high) for c in rest]
    return "; ".join(
        f"{_interval(*map(float, ends))}: {c.what}" for ends, c in zip(intervals, rest, strict=True)
    )


def decided(row: dict[Any, Any]) -> str:
    """Says how the verdict was reached: at planned sizes, or among all exploratory claims."""
    if row["kind"] == "primary":
        return f"primary: {row['decided']}"
    return f"exploratory: p = {row['p']:.2g}, among all exploratory ones {row['q']:.2g}"


def _interval(mean: float, low: float, high: float) -> str:
    ends = "" if math.isnan(low) else f" [{_number(low)}, {_number(high)}]"
    return f"{_number(mean)}{ends}"


def _number(value: float) -> str:
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:+.{digits}f}"
