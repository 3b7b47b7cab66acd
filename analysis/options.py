"""The options of the command line: what each means, and what to type where a word takes it not.

A new option is an entry in `OPTIONS`, and named by the words that take it (`analysis.words`).
"""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.command import command
from analysis.trial_folder import ResultsError


@dataclass(frozen=True)
class Option:
    """An option: its flags (without: a word that is not typed with a dash), argparse's settings.

    `instead` says what to type where a word does not take it, {what} and {value} being filled in.
    """

    flags: tuple[str, ...]
    about: dict[str, Any]
    instead: str = "Leave it out."
    group: str = ""


OPTIONS = {
    "results": Option(("--results",), {
        "type": Path, "metavar": "PATH",
        "help": "a study's folder, a results root or a parquet file (default: results/STUDY, the "
        "study that shows the figure; of claims: results)",
    }),
    "output": Option(("-o", "--output"), {
        "type": Path, "metavar": "FILE",
        "help": "one file, its suffix names the format: png, pdf, svg, csv (the numbers drawn), of "
        "a table also txt, md, tex, of claims csv, md, html; default: png, pdf and csv in figures/ "
        "beside the results, tables are printed",
    }, "It prints lines: {command} > file.txt"),
    "where": Option(("--where",), {
        "nargs": "+", "default": [], "metavar": "CONDITION",
        "help": 'draw or judge these rows only, for example --where source_k=10 or "m_z>1 and '
        'source==dmaapx"; of the sources without such a field all',
    }, "It is about all of a study. Draw one: {fig8}"),
    "width": Option(("--width",), {
        "type": float, "metavar": "INCHES",
        "help": "of a figure: 3.25 for a column, 6.75 for a page (default: the figure's own)",
    }),
    "bound": Option(("--bound",), {
        "metavar": "COLUMN",
        "help": "fig8 only: a lower bound of log p(x) in place of test_elbo, such as iwae_100",
    }, "Type: {bound}"),
    "y": Option(("--y",), {
        "metavar": "COLUMN", "help": "what falls or rises (default: test_elbo)",
    }, "--x and --y are read by law, and not by {what}. Leave them out, or type: {law}", "law"),
    "x": Option(("--x",), {
        "metavar": "AXIS", "help": "parameters (default), n_c, flops, train_size or k",
    }, "--x and --y are read by law, and not by {what}. Leave them out, or type: {law}", "law"),
    "only": Option(("--only",), {
        "nargs": "+", "default": [], "metavar": "VERDICT",
        "help": "these verdicts only: holds, fails, undecided, not-run",
    }, group="claims"),
    "long": Option(("--long",), {
        "action": "store_true", "help": "each claim with its rule, numbers and what the paper says",
    }, group="claims"),
    "root": Option(("results",), {
        "nargs": "?", "type": Path, "metavar": "RESULTS",
        "help": "a results root, a study's folder or a parquet file (default: results)",
    }),
    "study": Option(("study",), {
        "nargs": "?", "metavar": "STUDY", "help": "of the root (default: all of its studies)",
    }),
    "page": Option(("-o", "--output"), {
        "type": Path, "metavar": "FILE",
        "help": "default: report.html in the study's folder, or beside the parquet file",
    }),
    "a": Option(("A",), {
        "type": Path, "help": "a results root, a study's folder or a parquet file",
    }),
    "b": Option(("B",), {
        "type": Path, "help": "a results root, a study's folder or a parquet file",
    }),
    "metric": Option(("--metric",), {
        "nargs": "+", "default": [], "metavar": "COLUMN",
        "help": "what is compared (default: the main metrics that both have): the more, the "
        "larger a difference must be",
    }),
    "compared": Option(("--where",), {
        "nargs": "+", "default": [], "metavar": "CONDITION", "help": "compare these rows only",
    }),
    "differences": Option(("-o", "--output"), {
        "type": Path, "metavar": "FILE",
        "help": "png, pdf, svg or csv (default: png, pdf and csv in figures/ beside B)",
    }),
}  # fmt: skip
OWN = ("root", "study", "page", "a", "b", "metric", "compared", "differences")  # of one word each


def dest(option: Option) -> str:
    """The name of the option's value."""
    return option.flags[-1].lstrip("-")


def refused(what: str, asked: Namespace, taken: tuple[str, ...]) -> None:
    """Raises ResultsError where an option was typed that the word does not take."""
    kept = {dest(OPTIONS[name]) for name in taken}
    for option in OPTIONS.values():
        value = getattr(asked, dest(option), None)
        if dest(option) in kept or not value:
            continue
        words = list(map(str, value if isinstance(value, list) else [value]))
        said = option.instead.format(
            what=what,
            command=command(what),
            law=command("law", "--x", "parameters", "--y", "test_elbo"),
            bound=command("fig8", "--bound", *words),
            fig8=command("fig8", "--results", asked.results, "--where", *words),
        )
        start = "" if said.startswith("--") else f"{what} takes no {option.flags[0]}. "
        raise ResultsError(start + said)
