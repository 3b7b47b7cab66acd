"""The words of the command line: what each says of itself, which options it takes, what it does.

A new word is a function here and an entry in `WORDS`; a new option is an entry in `OPTIONS`.
Figures and tables are words too (`figures.names()`). Nothing heavy is imported before a word runs.
"""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import figures
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
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """What a word says of itself, the names of its options, and what it does; 0 is success."""

    about: str
    options: tuple[str, ...]
    run: Callable[[Namespace], int]
    home: str = "double_descent"  # its results where none are named: results/HOME


def _page(asked: Namespace) -> int:
    """Writes pages and prints their names."""
    from analysis import page

    paths = page.places(asked.results or Path("results"), getattr(asked, "study", None))
    if asked.output and paths[1:]:
        names = ", ".join(path.name for path in paths)
        raise ResultsError(f"-o names one page, and there are several. Add a STUDY: {names}.")
    for path in paths:
        print(page.write(path, asked.output))
    return 0


def _law(asked: Namespace) -> int:
    """Fits, prints and draws laws."""
    from analysis.laws import command as law

    x, y = asked.x or "parameters", asked.y or "test_elbo"
    law.main(asked.results, x, y, asked.where, asked.output)
    return 0


def _report(asked: Namespace) -> int:
    from analysis.report import report_on

    print("\n".join(report_on(asked.results)))
    return 0


def _claims(asked: Namespace) -> int:
    from analysis import claims

    claims.main(asked.results, asked.output, asked.where, asked.only, asked.long)
    return 0


def _compact(asked: Namespace) -> int:
    """Writes all rows, or those that meet the conditions, to one file and prints its name."""
    from analysis import curves, results
    from analysis.compact import compact

    path = asked.results
    frame = curves.where(results.load(path), asked.where) if asked.where else None
    print(compact(path, frame, asked.output))
    return 0


def _verdict(asked: Namespace) -> int:
    """Prints whether there is double descent; of several studies in that study's trials."""
    from analysis import curves, own_study, results
    from analysis.provenance import provenance
    from analysis.report import judged

    path = asked.results
    frame = own_study.of_study(results.load(path), path, "double_descent")
    frame = curves.where(frame, asked.where)
    print("\n".join([*judged(frame, provenance(path)), *own_study.note(frame)]))
    return 0


def _readings(asked: Namespace) -> int:
    from analysis import curves, results
    from analysis.readings import lines, readings

    print("\n".join(lines(readings(curves.where(results.load(asked.results), asked.where)))))
    return 0


def _draw(asked: Namespace) -> int:
    """Draws one figure, or prints a table, of the rows that meet the conditions."""
    from analysis import curves, results

    what, path = asked.what, asked.results
    frame = curves.where(figures.load(what, path), asked.where)
    if asked.bound:
        from analysis.bound import with_bound

        frame = with_bound(frame, asked.bound)
    if figures.is_table(what) and not asked.output:
        print("\n".join(figures.text(what, frame)))
        return 0
    folder = (path if path.is_dir() else path.parent) / "figures"
    files = [folder / f"{what}.{suffix}" for suffix in figures.FORMATS]
    files = [asked.output] if asked.output else files
    figures.save(what, frame, files, results.note(path), asked.width)
    print("\n".join(map(str, files)))
    return 0


FIGURE = ("results", "output", "where", "width")
WORDS: dict[str, Word] = {  # besides the figures
    "claims": Word(
        "every claim of the paper, held against results",
        ("results", "output", "where", "only", "long"), _claims, "",
    ),
    "compact": Word(
        "all results as one file, parquet or csv", ("results", "output", "where"), _compact
    ),
    "page": Word(
        "everything about a study on one HTML page", ("root", "study", "page"), _page
    ),
    "law": Word(
        "whether a loss falls as a power law of size, data or compute",
        ("results", "output", "where", "y", "x"), _law,
    ),
    "readings": Word(
        "readings of what the paper leaves open, each beside its default",
        ("results", "where"), _readings, "readings",
    ),
    "report": Word("all figures of a study and what they show", ("results",), _report),
    "verdict": Word("whether results show double descent", ("results", "where"), _verdict),
}  # fmt: skip


def word(name: str) -> Word | None:
    """The word of this name, a figure among them; None where there is none."""
    if name in WORDS:
        return WORDS[name]
    if name not in figures.names():
        return None
    options = (*FIGURE, "bound") if name == "fig8" else FIGURE
    return Word(figures.about(name), options, _draw, figures.study(name))


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
