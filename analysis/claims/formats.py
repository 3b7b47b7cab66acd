"""Formats the ledger as Markdown and as HTML, for readers."""

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.claims.wording import (
    ELSEWHERE_HEAD,
    PAPERS,
    absent,
    counts,
    decided,
    ours,
    parts,
    summary,
)
from analysis.statistics.levels import counted
from analysis.statistics.planned import FAILS, HOLDS, NOT_RUN, UNDECIDED
from analysis.template import filled

HEAD = ("verdict", "claim", "ours", "paper")
SIGNS = {HOLDS: "\u2714", FAILS: "\u2718", UNDECIDED: "?", NOT_RUN: "\u2013"}
TONES = {HOLDS: "holds", FAILS: "fails", UNDECIDED: "undecided", NOT_RUN: "absent"}
WIDE = 100.0  # length of the whisker's axis


def markdown(ledger: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Formats as Markdown: counts, summary, a table for each verdict, and claims not run."""
    lines = [f"**{counts(ledger)}**", "", _plain(summary(ledger))]
    elsewhere = False
    for papers, verdict, part in parts(rows):
        if not papers and not elsewhere:
            lines += ["", f"# {ELSEWHERE_HEAD}"]
            elsewhere = True
        lines += ["", f"## {verdict[:1].upper()}{verdict[1:]}", ""]
        lines += [_table_row(HEAD), _table_row(["---"] * len(HEAD))]
        lines += [_markdown_row(row) for row in part.to_dict("records")]
    for command, part in absent(rows):
        lines += ["", f"## {NOT_RUN.capitalize()}: `{command}`", ""]
        lines += [f"- {_plain(row['statement'])}" for row in part.to_dict("records")]
    return "\n".join(lines)


def _markdown_row(row: dict[Any, Any]) -> str:
    name = f"**{_plain(row['claim'])}** {_plain(row['statement'])} ({_plain(row['where'])})"
    setting = f" [{_plain(row['dataset'])}]" if row["dataset"] else ""
    level = f", {counted(row['n'], row['level'])}" if row["comparisons"] else ""
    result = f"{ours(row)}{level}" if ours(row) else str(row["compared"])
    against = f"; contradicted: {row['contradicted']}" if row["contradicted"] else ""
    verdict = f"{SIGNS[row['verdict']]} {row['verdict']}"
    paper = _plain(f"{row['paper']}{against}")
    return _table_row([verdict, f"{name}{setting}", _plain(result), paper])


def _table_row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: object) -> str:
    """Escapes pipes, line breaks and tags in a cell's text for Markdown."""
    escaped = str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())


def html(ledger: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Formats an HTML page without scripts or requests; untrusted names are escaped."""
    groups = [
        (papers, verdict, [_shown(row) for row in part.to_dict("records")])
        for papers, verdict, part in parts(rows)
    ]
    verdicts = ledger.loc[ledger["data"] == PAPERS, "verdict"].value_counts()
    values = {
        "counts": [(v, TONES[v], SIGNS[v], int(verdicts.get(v, 0))) for v in TONES],
        "summary": summary(ledger),
        "answers": [group for group in groups if group[0]],
        "elsewhere": [group for group in groups if not group[0]],
        "head": ELSEWHERE_HEAD,
        "absent": {command: part.to_dict("records") for command, part in absent(rows)},
    }
    return filled(Path(__file__).with_name("claims.html"), values)


def _shown(row: dict[Any, Any]) -> dict[Any, Any]:
    """Adds to a row its numbers in words, and its interval on an axis."""
    is_judged = bool(row["comparisons"])
    return row | whisker(row) | {
        "tone": TONES[row["verdict"]],
        "sign": SIGNS[row["verdict"]],
        "ours": ours(row),
        "counted": counted(row["n"], row["level"]) if is_judged else "",
        "decided": decided(row) if is_judged else "",
    }  # fmt: skip


def whisker(row: dict[Any, Any]) -> dict[str, Any]:
    """Places a row's difference and its interval on an axis from 0 to WIDE that contains zero.

    `whisker` has the places of difference, low and high, or is None without an interval; `zero` is
    the place of zero.
    """
    values = [0.0, row["difference"], row["low"], row["high"]]
    numbers = [float(value) for value in values if not pd.isna(value)]
    low, span = min(numbers), max(numbers) - min(numbers) or 1.0
    places = {
        name: WIDE * (float(row[name]) - low) / span if not pd.isna(row[name]) else None
        for name in ("difference", "low", "high")
    }
    has_interval = bool(row["comparisons"]) and places["low"] is not None
    return {"zero": -WIDE * low / span, "whisker": places if has_interval else None}
