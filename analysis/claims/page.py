"""Prints the ledger as lines for a terminal, and writes CSV, Markdown and HTML files."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd

from analysis.claims import formats
from analysis.claims.wording import (
    ELSEWHERE_HEAD,
    VERDICTS,
    absent,
    counts,
    decided,
    ours,
    parts,
    summary,
)
from analysis.errors import ResultsError, did_you_mean
from analysis.statistics.levels import counted
from analysis.statistics.planned import NOT_RUN

WIDTH = 100
NAMES = 66  # characters for verdict and name
INDENT = 13  # characters before everything but the verdict
WORDS = {verdict.replace("not decided", "undecided").replace(" ", "-"): verdict
         for verdict in VERDICTS}  # fmt: skip
SUFFIXES = (".csv", ".md", ".html")


def only(ledger: pd.DataFrame, words: Sequence[str]) -> pd.DataFrame:
    """Selects the rows whose verdicts the words of `--only` name; all without words.

    Raises ResultsError for an unknown word.
    """
    for word in words:
        if word not in WORDS:
            near = did_you_mean(word, list(WORDS))
            raise ResultsError(
                f"--only {word}: there is no such verdict. {near}Choose from: {', '.join(WORDS)}."
            )
    verdicts = [WORDS[word] for word in words]
    return ledger[ledger["verdict"].isin(verdicts)] if verdicts else ledger


def text(ledger: pd.DataFrame, selection: pd.DataFrame | None = None, long: bool = False) -> str:
    """Returns lines of at most 100 characters: counts first, then each claim and setting.

    Rows on the paper's data come first, then those on other data, then claims that are not run.
    `selection` has the rows to print (default: all); `long` adds statements, rules and numbers.
    """
    rows = ledger if selection is None else selection
    lines = [counts(ledger), *_wrapped(summary(ledger), "")]
    several = rows.loc[rows["verdict"] != NOT_RUN, "dataset"].nunique() > 1
    judged, elsewhere = False, False
    for papers, _, part in parts(rows):
        lines += [""] if papers or elsewhere else ["", f"{ELSEWHERE_HEAD}:", ""]
        judged, elsewhere = True, not papers
        for row in part.to_dict("records"):
            lines += _entry(row) if long else _line(row, several)
    for command, part in absent(rows):
        lines += ["", *_wrapped(f"{NOT_RUN}; measure these with: {command}", "")]
        for row in part.to_dict("records"):
            lines += _absent(row) if long else _line(row, several)
    if not long and judged:
        lines += ["", "For each claim's rule, our numbers and the paper's: --long"]
    return "\n".join(lines)


def _line(row: dict[Any, Any], several: bool) -> list[str]:
    """Prints verdict, name, setting if there are several, and the measured difference."""
    name = f"{row['claim']} [{row['dataset']}]" if several and row["dataset"] else row["claim"]
    head = f"{row['verdict']:<{INDENT}}{name}"
    number = ours(row).replace("nats per image", "nats") or (
        row["compared"] if row["verdict"] != NOT_RUN else ""
    )
    if not number:
        return _wrapped(head, "")
    room = WIDTH - len(head) - len(number)
    if room >= 2:
        return [head.ljust(min(NAMES, WIDTH - len(number) - 2)) + "  " + number]
    return [*_wrapped(head, ""), *_wrapped(number)]


def write(ledger: pd.DataFrame, path: Path, selection: pd.DataFrame | None = None) -> Path:
    """Writes the ledger in the format of the suffix: .csv with all columns, .md or .html to read.

    `selection` has the rows to write (default: all); the counts are those of the whole ledger.
    Raises ResultsError for another suffix.
    """
    if path.suffix not in SUFFIXES:
        raise ResultsError(
            f"The claims cannot be written as {path.suffix or 'a file without suffix'}. "
            "Choose .csv, .md or .html: -o claims.html."
        )
    rows = ledger if selection is None else selection
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
        return path
    contents = (formats.markdown if path.suffix == ".md" else formats.html)(ledger, rows)
    path.write_text(contents + "\n", encoding="utf-8")
    return path


def _entry(row: dict[Any, Any]) -> list[str]:
    head = f"{row['verdict']:<{INDENT}}{row['claim']}"
    title = f"{head} [{row['dataset']}]" if row["dataset"] else head
    lines = [title, *_wrapped(f"{row['statement']} ({row['where']})")]
    note = f" (of {row['comparisons']}, the nearest to failing)" * (row["comparisons"] > 1)
    numbers = f"{ours(row)}, {counted(row['n'], row['level'])}: " if row["comparisons"] else ""
    lines += _wrapped(f"ours: {numbers}{row['compared']}{note}")
    lines += _wrapped(f"also: {row['also']}") if row["also"] else []
    lines += _wrapped(row["spread"]) if row["spread"] else []
    lines += _wrapped(decided(row)) if row["comparisons"] else []
    lines += _wrapped(f"rule: holds if {row['rule']}")
    lines += _wrapped(f"assumed here: {row['assumed']}") if row["assumed"] else []
    lines += _wrapped(row["beside"]) if row["beside"] else []
    lines += _wrapped(f"paper: {row['paper']}") if row["paper"] else []
    lines += _wrapped(f"contradicted: {row['contradicted']}") if row["contradicted"] else []
    return [*lines, ""]


def _absent(row: dict[Any, Any]) -> list[str]:
    lines = _wrapped(f"{row['statement']} ({row['where']})")
    lines = [f"{row['verdict']:<{INDENT}}{lines[0].strip()}", *lines[1:]]
    lines += _wrapped(row["compared"])
    return lines + (_wrapped(f"contradicted: {row['contradicted']}") * bool(row["contradicted"]))


def _wrapped(sentence: str, indent: str = " " * INDENT) -> list[str]:
    return wrap(sentence, WIDTH, initial_indent=indent, subsequent_indent=indent)
