"""Defines the words of the command line: their description, options and function.

A new word is a function here and an entry in `WORDS`; its options are in `analysis.cli.options`.
Figures and tables are words too (`figures.names()`). Nothing heavy is imported before a word runs.
"""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis import figures
from analysis.errors import ResultsError
from analysis.printed import print_lines
from analysis.storage.remote import folder_of_output


@dataclass(frozen=True)
class Word:
    """Holds a word's description, the names of its options, and its function.

    The function returns the exit code, 0 for success.
    """

    about: str
    options: tuple[str, ...]
    run: Callable[[Namespace], int]
    home: str = "double_descent"  # its default results are results/HOME


def _page(typed: Namespace) -> int:
    """Writes pages and prints their names."""
    from analysis import page

    paths = page.places(typed.results or Path("results"), getattr(typed, "study", None))
    if typed.output and paths[1:]:
        names = ", ".join(path.name for path in paths)
        raise ResultsError(f"-o names one page, and there are several. Add a STUDY: {names}.")
    for path in paths:
        folder_of_output(path, typed.output)
        print(page.write(path, typed.output))
    return 0


def _diff(typed: Namespace) -> int:
    """Prints and draws what differs between two results; returns 1 if something does."""
    from analysis.diff import command as diff

    return diff.main(typed.A, typed.B, typed.metric, typed.where, typed.output)


def _law(typed: Namespace) -> int:
    """Fits, prints and draws laws."""
    from analysis.laws import command as law

    x, y = typed.x or "parameters", typed.y or "test_elbo"
    folder_of_output(typed.results, typed.output)
    law.main(typed.results, x, y, typed.where, typed.output, typed.best)
    return 0


def _report(typed: Namespace) -> int:
    from analysis.report import report_on

    folder_of_output(typed.results)
    print_lines(report_on(typed.results))
    return 0


def _claims(typed: Namespace) -> int:
    from analysis import claims

    claims.main(typed.results, typed.output, typed.where, typed.only, typed.long, typed.best)
    return 0


def _compact(typed: Namespace) -> int:
    """Writes all rows, or those that meet the conditions, to one file and prints its name."""
    from analysis import curves, results
    from analysis.storage.compact import compact

    path = typed.results
    folder_of_output(path, typed.output)
    frame = curves.where(results.load(path), typed.where) if typed.where else None
    print(compact(path, frame, typed.output))
    return 0


def _verdict(typed: Namespace) -> int:
    """Prints whether there is double descent in the trials of the study of that name."""
    from analysis import curves, results
    from analysis.report import judged
    from analysis.selection import own_study
    from analysis.storage import studies

    path = typed.results
    frame = own_study.of_study(results.load(path), path, "double_descent")
    frame = curves.where(frame, typed.where)
    study_record = studies.about(path, "double_descent")
    print_lines([*judged(frame, study_record), *own_study.note(frame)])
    return 0


def _draw(typed: Namespace) -> int:
    """Draws one figure, or prints a table, of the rows that meet the conditions."""
    from analysis import curves, results

    name, path = typed.what, typed.results
    frame = curves.where(figures.load(name, path), typed.where)
    if typed.bound:
        from analysis.selection.bound import with_bound

        frame = with_bound(frame, typed.bound)
    if typed.best:
        from analysis.selection import early

        frame = early.at_best(frame)
    if figures.is_table(name) and not typed.output:
        print("\n".join(figures.text(name, frame)))
        return 0
    folder = folder_of_output(path, typed.output) / "figures"
    files = [folder / f"{name}.{suffix}" for suffix in figures.FORMATS]
    files = [typed.output] if typed.output else files
    figures.save(name, frame, files, results.note(path), typed.width)
    print("\n".join(map(str, files)))
    return 0


FIGURE = ("results", "output", "where", "width")
WORDS: dict[str, Word] = {  # besides the figures
    "claims": Word(
        "every claim of the paper, checked against results",
        ("results", "output", "where", "only", "long", "best"), _claims, "",
    ),
    "compact": Word(
        "all results as one file, parquet or csv", ("results", "output", "where"), _compact
    ),
    "diff": Word(
        "what differs between two results beyond noise",
        ("a", "b", "metric", "compared", "differences"), _diff,
    ),
    "page": Word(
        "everything about a study on one HTML page", ("root", "study", "page"), _page
    ),
    "law": Word(
        "whether a loss falls as a power law of size, data or compute",
        ("results", "output", "where", "y", "x", "best"), _law,
    ),
    "report": Word("all figures of a study and what they show", ("results",), _report),
    "verdict": Word("whether results show double descent", ("results", "where"), _verdict),
}  # fmt: skip


def word(name: str) -> Word | None:
    """Returns the word of this name, which may be a figure's; None if there is none."""
    if name in WORDS:
        return WORDS[name]
    if name not in figures.names():
        return None
    extra = {"fig8": ("bound",)} | dict.fromkeys(figures.FINAL, ("best",))
    options = (*FIGURE, *extra.get(name, ()))
    return Word(figures.about(name), options, _draw, figures.study(name))
