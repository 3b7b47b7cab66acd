"""The ledger on a page: lines for a terminal, CSV and Markdown files."""

import math
from pathlib import Path
from textwrap import wrap

import pandas as pd

from analysis.claims.primary import RATE
from analysis.levels import counted
from analysis.planned import FAILS, HOLDS, NOT_RUN, UNDECIDED
from analysis.trial_folder import ResultsError

WIDTH = 100
INDENT = 13  # of everything but the verdict
VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN)
SHOWN = [
    "verdict",
    "claim",
    "kind",
    "data",
    "dataset",
    "ours",
    "n",
    "level",
    "paper",
    "contradicted",
    "assumed",
    "where",
]  # Markdown


def text(ledger: pd.DataFrame) -> str:
    """The ledger in lines of at most 100 columns: verdict first, a summary last.

    First what answers the claims, then the same on other data, then what is not run.
    """
    judged = ledger[ledger["verdict"] != NOT_RUN]
    here = judged["data"] == "the paper's"
    lines = [line for row in judged[here].to_dict("records") for line in _entry(row)]
    if not here.all():
        lines += ["As on other data than the paper's, which answers none of its claims:", ""]
        lines += [line for row in judged[~here].to_dict("records") for line in _entry(row)]
    for command, rows in ledger[ledger["verdict"] == NOT_RUN].groupby("command", sort=False):
        lines += [*_wrapped(f"{NOT_RUN}; these are measured by: {command}", ""), ""]
        lines += [line for row in rows.to_dict("records") for line in _absent(row)] + [""]
    return "\n".join([*lines, *_wrapped(summary(ledger), "")])


def summary(ledger: pd.DataFrame) -> str:
    """How many claims there are, and how often each verdict stands, on whose data."""
    measured = ledger.loc[ledger["verdict"] != NOT_RUN, "dataset"].nunique()
    against = ledger.loc[ledger["contradicted"] != "", "claim"].nunique()
    assumed = ledger.loc[ledger["assumed"] != "", "claim"].nunique()
    here = ledger["data"] == "the paper's"
    other = ledger[~here]
    names = ", ".join(sorted({str(n).partition(",")[0] for n in other["dataset"]}))
    elsewhere = f" As on other data ({names}): {_counts(other)}." if len(other) else ""
    main = _counts(ledger[ledger["kind"] == "primary"], every=False)
    return (
        f"{ledger['claim'].nunique()} claims, {measured} setting{'s' * (measured != 1)} measured. "
        f"On the paper's data: {_counts(ledger[here])}.{elsewhere} "
        f"Primary ones, decided at planned sizes: {main or 'none'}; the others are "
        f"exploratory, false-discovery rate {RATE:.0%} (Benjamini and Yekutieli). "
        f"Decided by a margin or number of this project's, the paper stating none: {assumed}. "
        f"Contradicted by the paper itself: {against}."
    )


def _counts(rows: pd.DataFrame, every: bool = True) -> str:
    counts = rows["verdict"].value_counts()
    return ", ".join(f"{v} {counts.get(v, 0)}" for v in VERDICTS if every or v in counts)


def write(ledger: pd.DataFrame, path: Path) -> Path:
    """Writes the ledger as its suffix says, .csv with all columns or .md with the main ones."""
    if path.suffix not in (".csv", ".md"):
        raise ResultsError(
            f"The claims cannot be written as {path.suffix or 'a file without suffix'}. "
            "Choose .csv or .md: -o claims.csv."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        ledger.to_csv(path, index=False)
    else:
        path.write_text(markdown(ledger) + "\n")
    return path


def markdown(ledger: pd.DataFrame) -> str:
    """A table and the summary."""
    rows = [row | {"ours": ours(row)} for row in ledger.to_dict("records")]
    cells = [[str(row[name]).replace("|", "\\|") for name in SHOWN] for row in rows]
    lines = [f"| {' | '.join(each)} |" for each in [SHOWN, ["---"] * len(SHOWN), *cells]]
    return "\n".join([*lines, "", summary(ledger)])


def ours(row: dict) -> str:
    """What was measured: difference and interval, or nothing."""
    if row["verdict"] == NOT_RUN or math.isnan(row["difference"]):
        return ""
    ends = "" if math.isnan(row["low"]) else f" [{_number(row['low'])}, {_number(row['high'])}]"
    return f"{_number(row['difference'])}{ends} {row['unit']}".strip()


def _entry(row: dict) -> list[str]:
    head = f"{row['verdict']:<{INDENT}}{row['claim']}"
    title = f"{head} [{row['dataset']}]" if row["dataset"] else head
    lines = [title, *_wrapped(f"{row['statement']} ({row['where']})")]
    one = f" (of {row['comparisons']}, the nearest to failing)" * (row["comparisons"] > 1)
    numbers = f"{ours(row)}, {counted(row['n'], row['level'])}: " if row["comparisons"] else ""
    lines += _wrapped(f"ours: {numbers}{row['compared']}{one}")
    lines += _wrapped(row["spread"]) if row["spread"] else []
    lines += _wrapped(_decided(row)) if row["comparisons"] else []
    lines += _wrapped(f"rule: holds where {row['rule']}")
    lines += _wrapped(f"of this project's: {row['assumed']}") if row["assumed"] else []
    lines += _wrapped(row["beside"]) if row["beside"] else []
    lines += _wrapped(f"paper: {row['paper']}") if row["paper"] else []
    lines += _wrapped(f"contradicted: {row['contradicted']}") if row["contradicted"] else []
    return [*lines, ""]


def _decided(row: dict) -> str:
    """How the verdict came about: at planned sizes, or as one of many."""
    if row["kind"] == "primary":
        return f"primary: {row['decided']}"
    return f"exploratory: p = {row['p']:.2g}, among all exploratory ones {row['q']:.2g}"


def _absent(row: dict) -> list[str]:
    lines = _wrapped(f"{row['statement']} ({row['where']})")
    lines = [f"{row['verdict']:<{INDENT}}{lines[0].strip()}", *lines[1:]]
    lines += _wrapped(row["compared"])
    return lines + (_wrapped(f"contradicted: {row['contradicted']}") * bool(row["contradicted"]))


def _wrapped(words: str, indent: str = " " * INDENT) -> list[str]:
    return wrap(words, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _number(value: float) -> str:
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0
    return f"{value:+.{digits}f}"
