"""The ledger on a page: lines for a terminal, CSV, Markdown and HTML files."""

import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import pandas as pd

from analysis.claims.primary import RATE
from analysis.levels import counted
from analysis.planned import FAILS, HOLDS, NOT_RUN, UNDECIDED
from analysis.suggest import did_you_mean
from analysis.trial_folder import ResultsError

WIDTH = 100
NAMES = 66  # columns of verdict and name
INDENT = 13  # of everything but the verdict
VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN)
WORDS = {verdict.replace("not decided", "undecided").replace(" ", "-"): verdict
         for verdict in VERDICTS}  # fmt: skip
SUFFIXES = (".csv", ".md", ".html")


def only(ledger: pd.DataFrame, words: Sequence[str]) -> pd.DataFrame:
    """The rows of the verdicts that the words of `--only` name, all without words."""
    for word in words:
        if word not in WORDS:
            near = did_you_mean(word, list(WORDS))
            raise ResultsError(
                f"--only {word}: there is no such verdict. {near}Choose of: {', '.join(WORDS)}."
            )
    wanted = [WORDS[word] for word in words]
    return ledger[ledger["verdict"].isin(wanted)] if wanted else ledger


def text(ledger: pd.DataFrame, shown: pd.DataFrame | None = None, long: bool = False) -> str:
    """Lines of at most 100 columns: counts first, then a line for each claim and setting.

    `shown` are the rows that have lines (all), `long` gives each its statement, rule and numbers.
    """
    rows = ledger if shown is None else shown
    lines = [counts(ledger), *_wrapped(summary(ledger), "")]
    judged = rows[rows["verdict"] != NOT_RUN]
    several = judged["dataset"].nunique() > 1
    for verdict in VERDICTS:
        part = judged[judged["verdict"] == verdict]
        lines += [""] if len(part) else []
        for row in part.to_dict("records"):
            lines += _entry(row) if long else _line(row, several)
    for command, part in rows[rows["verdict"] == NOT_RUN].groupby("command", sort=False):
        lines += ["", *_wrapped(f"{NOT_RUN}; these are measured by: {command}", "")]
        for row in part.to_dict("records"):
            lines += _absent(row) if long else _line(row, several)
    if not long and len(judged):
        lines += ["", "Each with its rule, its numbers and the paper's: --long"]
    return "\n".join(lines)


def counts(ledger: pd.DataFrame) -> str:
    """How often each verdict stands, the first line of all."""
    found = ledger["verdict"].value_counts()
    return "   ".join(f"{verdict} {found.get(verdict, 0)}" for verdict in VERDICTS)


def _line(row: dict, several: bool) -> list[str]:
    """Verdict, name, setting where there are several, and what was measured."""
    name = f"{row['claim']} [{row['dataset']}]" if several and row["dataset"] else row["claim"]
    head = f"{row['verdict']:<{INDENT}}{name}"
    said = ours(row).replace("nats per image", "nats") or (
        row["compared"] if row["verdict"] != NOT_RUN else ""
    )
    if not said:
        return _wrapped(head, "")
    room = WIDTH - len(head) - len(said)
    if room >= 2:
        return [head.ljust(min(NAMES, WIDTH - len(said) - 2)) + "  " + said]
    return [*_wrapped(head, ""), *_wrapped(said)]


def summary(ledger: pd.DataFrame) -> str:
    """How many claims there are, and how often each verdict stands."""
    counts = ledger["verdict"].value_counts()
    said = ", ".join(f"{verdict} {counts.get(verdict, 0)}" for verdict in VERDICTS)
    measured = ledger.loc[ledger["verdict"] != NOT_RUN, "dataset"].nunique()
    against = ledger.loc[ledger["contradicted"] != "", "claim"].nunique()
    named = ledger.loc[ledger["kind"] == "primary", "verdict"].value_counts()
    main = ", ".join(f"{verdict} {named[verdict]}" for verdict in VERDICTS if verdict in named)
    return (
        f"{ledger['claim'].nunique()} claims, {measured} setting{'s' * (measured != 1)} measured: "
        f"{said}. Primary ones, decided at planned sizes: {main or 'none'}; the others are "
        f"exploratory, false-discovery rate {RATE:.0%} (Benjamini and Yekutieli). "
        f"Contradicted by the paper itself: {against}."
    )


def write(ledger: pd.DataFrame, path: Path, shown: pd.DataFrame | None = None) -> Path:
    """Writes the ledger as its suffix says: .csv with all columns, .md or .html to be read.

    `shown` are the rows written (all); the counts are those of the whole ledger.
    """
    if path.suffix not in SUFFIXES:
        raise ResultsError(
            f"The claims cannot be written as {path.suffix or 'a file without suffix'}. "
            "Choose .csv, .md or .html: -o claims.html."
        )
    rows = ledger if shown is None else shown
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
        return path
    from analysis.claims import written

    made = (written.markdown if path.suffix == ".md" else written.html)(ledger, rows)
    path.write_text(made + "\n", encoding="utf-8")
    return path


def ours(row: dict) -> str:
    """What was measured: difference and interval, or nothing."""
    if row["verdict"] == NOT_RUN or math.isnan(row["difference"]):
        return ""
    ends = "" if math.isnan(row["low"]) else f" [{_number(row['low'])}, {_number(row['high'])}]"
    unit = "" if row["unit"] == "1" else row["unit"]
    return f"{_number(row['difference'])}{ends} {unit}".strip()


def _entry(row: dict) -> list[str]:
    head = f"{row['verdict']:<{INDENT}}{row['claim']}"
    title = f"{head} [{row['dataset']}]" if row["dataset"] else head
    lines = [title, *_wrapped(f"{row['statement']} ({row['where']})")]
    one = f" (of {row['comparisons']}, the nearest to failing)" * (row["comparisons"] > 1)
    numbers = f"{ours(row)}, {counted(row['n'], row['level'])}: " if row["comparisons"] else ""
    lines += _wrapped(f"ours: {numbers}{row['compared']}{one}")
    lines += _wrapped(row["spread"]) if row["spread"] else []
    lines += _wrapped(decided(row)) if row["comparisons"] else []
    lines += _wrapped(f"rule: holds where {row['rule']}")
    lines += _wrapped(f"paper: {row['paper']}") if row["paper"] else []
    lines += _wrapped(f"contradicted: {row['contradicted']}") if row["contradicted"] else []
    return [*lines, ""]


def decided(row: dict) -> str:
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
