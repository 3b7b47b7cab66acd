"""Defines the options of the command line, and what to type if a word does not take one.

A new option is an entry in `OPTIONS`, and is named by the words that take it
(`analysis.cli.words`).
"""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.command import command
from analysis.errors import ResultsError
from analysis.figures import FINAL
from analysis.storage.remote import place


@dataclass(frozen=True)
class Option:
    """Holds an option: its flags (or the name of a positional argument) and argparse's settings.

    `instead` tells the user what to type if a word does not take the option, with {what}, {command}
    and examples filled in.
    """

    flags: tuple[str, ...]
    about: dict[str, Any]
    instead: str = "Omit it."
    group: str = ""


OPTIONS = {
    "results": Option(("--results",), {
        "type": place, "metavar": "PATH",
        "help": "a study's folder, a results root or a parquet file, or the s3://, gs:// or "
        "https:// address of one (default: results/STUDY with the study that shows the figure; "
        "for claims: results)",
    }),
    "output": Option(("-o", "--output"), {
        "type": Path, "metavar": "FILE",
        "help": "one file, whose suffix gives the format: png, pdf, svg, csv (the numbers drawn); "
        "for a table also txt, md, tex; for claims csv, md, html; default: png, pdf and csv in "
        "figures/ next to the results, while tables are printed",
    }, "It prints lines: {command} > file.txt"),
    "where": Option(("--where",), {
        "nargs": "+", "action": "extend", "default": [], "metavar": "CONDITION",
        "help": 'draw or judge these rows only, for example --where source_k=10 or "m_z>1 and '
        'source==dmaapx"; sources without such a field are kept',
    }, "It covers the whole study. Draw one figure: {fig8}"),
    "width": Option(("--width",), {
        "type": float, "metavar": "INCHES",
        "help": "width of a figure: 3.25 for a column, 6.75 for a page (default: the figure's own)",
    }),
    "bound": Option(("--bound",), {
        "metavar": "COLUMN",
        "help": "fig8 only: a lower bound of log p(x) in place of test_elbo, such as iwae_100",
    }, "Type: {bound}"),
    "y": Option(("--y",), {
        "metavar": "COLUMN", "help": "what falls or rises (default: test_elbo)",
    }, "--x and --y are read by law, not by {what}. Omit them, or type: {law}", "law"),
    "x": Option(("--x",), {
        "metavar": "AXIS", "help": "parameters (default), n_c, flops, train_size or k",
    }, "--x and --y are read by law, not by {what}. Omit them, or type: {law}", "law"),
    "only": Option(("--only",), {
        "nargs": "+", "action": "extend", "default": [], "metavar": "VERDICT",
        "help": "these verdicts only: holds, fails, undecided, not-run",
    }, group="claims"),
    "long": Option(("--long",), {
        "action": "store_true", "help": "each claim with its rule, numbers and what the paper says",
    }, group="claims"),
    "best": Option(("--best",), {
        "action": "store_true",
        "help": "each VAE at its epoch with the best validation ELBO, not at its last epochs; for "
        f"claims, law and figures of final values: {', '.join(FINAL)}",
    }, "It draws other values than final ones. Draw one of: {final}"),
    "root": Option(("results",), {
        "nargs": "?", "type": place, "metavar": "RESULTS",
        "help": "a results root, a study's folder or a parquet file (default: results)",
    }),
    "study": Option(("study",), {
        "nargs": "?", "metavar": "STUDY", "help": "study of the root (default: all of its studies)",
    }),
    "page": Option(("-o", "--output"), {
        "type": Path, "metavar": "FILE",
        "help": "default: report.html in the study's folder, or next to the parquet file",
    }),
    "a": Option(("A",), {
        "type": place, "help": "a results root, a study's folder or a parquet file",
    }),
    "b": Option(("B",), {
        "type": place, "help": "a results root, a study's folder or a parquet file",
    }),
    "metric": Option(("--metric",), {
        "nargs": "+", "action": "extend", "default": [], "metavar": "COLUMN",
        "help": "what to compare (default: the main metrics that both have); the more metrics, the "
        "larger a difference must be",
    }),
    "compared": Option(("--where",), {
        "nargs": "+", "action": "extend", "default": [], "metavar": "CONDITION",
        "help": "compare these rows only",
    }),
    "differences": Option(("-o", "--output"), {
        "type": Path, "metavar": "FILE",
        "help": "png, pdf, svg or csv (default: png, pdf and csv in figures/ next to B)",
    }),
}  # fmt: skip
OWN = ("root", "study", "page", "a", "b", "metric", "compared", "differences")  # for one word each


def dest(option: Option) -> str:
    """Returns the name of the option's value in argparse's namespace."""
    return option.flags[-1].lstrip("-")


def check_taken(what: str, typed: Namespace, names: tuple[str, ...]) -> None:
    """Raises ResultsError if an option was typed that the word `what` does not take."""
    dests = {dest(OPTIONS[name]) for name in names}
    for option in OPTIONS.values():
        value = getattr(typed, dest(option), None)
        if dest(option) in dests or not value:
            continue
        values = list(map(str, value if isinstance(value, list) else [value]))
        advice = option.instead.format(
            what=what,
            command=command(what),
            law=command("law", "--x", "parameters", "--y", "test_elbo"),
            final=", ".join(FINAL),
            bound=command("fig8", "--bound", *values),
            fig8=command("fig8", "--results", typed.results, "--where", *values),
        )
        start = "" if advice.startswith("--") else f"{what} takes no {option.flags[0]}. "
        raise ResultsError(start + advice)
