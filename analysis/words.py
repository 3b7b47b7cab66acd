"""The words of the command line: what each says of itself, which options it takes, what it does.

A new word is a function here and an entry in `WORDS`; its options are in `analysis.options`.
Figures and tables are words too (`figures.names()`). Nothing heavy is imported before a word runs.
"""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis import figures
from analysis.trial_folder import ResultsError


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


def _diff(asked: Namespace) -> int:
    """Prints and draws what differs between two results; 1 where something does."""
    from analysis.diff import command as diff

    return diff.main(asked.A, asked.B, asked.metric, asked.where, asked.output)


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
    "diff": Word(
        "two results side by side: what differs beyond noise",
        ("a", "b", "metric", "compared", "differences"), _diff,
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
