"""`python -m analysis fig8 --results results/double_descent -o fig8.pdf`: figures and verdicts."""

import argparse
import sys
from pathlib import Path
from typing import Never

from analysis import figures, streams
from analysis.command import command
from analysis.suggest import did_you_mean
from analysis.trial_folder import ResultsError

WORDS = {  # besides the figures
    "claims": "every claim of the paper, held against results",
    "compact": "all results as one file, parquet or csv",
    "diff": "two results side by side: what differs beyond noise",
    "page": "everything about a study on one HTML page",
    "law": "whether a loss falls as a power law of size, data or compute",
    "readings": "readings of what the paper leaves open, each beside its default",
    "report": "all figures of a study and what they show",
    "verdict": "whether results show double descent",
}
PLAIN = ("readings", "report", "verdict")  # lines on the console only
WRONG = 2  # exit code of wrong usage, as everywhere in this project


class Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are sentences with the known flags."""

    def error(self, message: str) -> Never:
        flags = sorted(flag for flag in self._option_string_actions if flag.startswith("-"))
        _, _, wrong = message.partition("unrecognized arguments: ")
        words = [word.partition("=")[0] for word in wrong.split() if word.startswith("-")]
        near = did_you_mean(words[0], flags) if words else ""
        raise ResultsError(
            f"{message[:1].upper()}{message[1:]}. {near}Known flags: {', '.join(flags)}."
        )


def parser(program: str = "python -m analysis") -> Parser:
    """The command line of the program of this name."""
    known = ", ".join([*figures.names(), *WORDS])
    parser = Parser(
        prog=program,
        description="Draws the paper's figures from result files and says what they show.",
    )
    parser.add_argument("what", help=f"one of: {known}")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="PATH",
        help="a study's folder, a results root or a parquet file "
        "(default: results/STUDY, the study that shows the figure; of claims: results)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="one file, its suffix names the format: png, pdf, svg, csv (the numbers drawn), of a "
        "table also txt, md, tex; default: png, pdf and csv in figures/ beside the results, "
        "tables are printed",
    )
    parser.add_argument(
        "--where",
        nargs="+",
        default=[],
        metavar="CONDITION",
        help="draw or judge these rows only, for example --where source_k=10 or "
        '"m_z>1 and source==dmaapx"; of the sources without such a field all',
    )
    _add_of_one_word(parser)
    return parser


def _add_of_one_word(parser: Parser) -> None:
    """Adds the options that only one word takes."""
    parser.add_argument(
        "--bound",
        metavar="COLUMN",
        help="fig8 only: a lower bound of log p(x) in place of test_elbo, such as iwae_100",
    )
    of_law = parser.add_argument_group("of law")
    of_law.add_argument("--y", metavar="COLUMN", help="what falls or rises (default: test_elbo)")
    of_law.add_argument(
        "--x", metavar="AXIS", help="parameters (default), n_c, flops, train_size or k"
    )


def main(argv: list[str] | None = None, program: str = "python -m analysis") -> int:
    """Runs one command; 0, or 2 with one or two sentences on stderr; of diff also 1."""
    try:
        words = sys.argv[1:] if argv is None else argv
        if words[:1] == ["diff"]:
            from analysis.diff import command as diff

            return diff.main(words[1:], Parser(prog=f"{program} diff", description=diff.ABOUT))
        if words[:1] == ["page"]:
            return _page(words[1:], program)
        asked = parser(program).parse_args(argv)
        _check(asked.what, asked.output, asked.bound)
        path = asked.results or _home(asked.what)
        if asked.what == "law":
            return _law(path, asked)
        _check_law_only(asked)
        return _run(asked.what, path, asked.output, asked.where, asked.bound)
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return WRONG


def _page(words: list[str], program: str) -> int:
    """`page RESULTS [STUDY]`: writes the page and prints its name."""
    from analysis import page

    made = Parser(prog=f"{program} page", description=page.__doc__)
    add = made.add_argument
    add("results", nargs="?", type=Path, metavar="RESULTS",
        help="a results root, a study's folder or a parquet file (default: results)")  # fmt: skip
    add("study", nargs="?", metavar="STUDY", help="of the root (default: all of its studies)")
    add("-o", "--output", type=Path, metavar="FILE",
        help=f"default: {page.NAME} in the study's folder, or beside the parquet file")  # fmt: skip
    asked = made.parse_args(words)
    paths = page.places(asked.results or Path("results"), asked.study)
    if asked.output and paths[1:]:
        names = ", ".join(path.name for path in paths)
        raise ResultsError(f"-o names one page, and there are several. Add a STUDY: {names}.")
    for path in paths:
        print(page.write(path, asked.output))
    return 0


def _law(path: Path, asked: argparse.Namespace) -> int:
    """Fits and draws laws; 0."""
    from analysis.laws import command as law

    x, y = asked.x or "parameters", asked.y or "test_elbo"
    law.main(path, x, y, asked.where, asked.output)
    return 0


def _check_law_only(asked: argparse.Namespace) -> None:
    """Raises ResultsError where --x or --y stands with another word than law."""
    if asked.x or asked.y:
        raise ResultsError(
            f"--x and --y are read by law, and not by {asked.what}. Leave them out, or type: "
            f"{command('law', '--x', 'parameters', '--y', 'test_elbo')}"
        )


def _home(what: str) -> Path:
    """Where the results of a figure are, if nothing else is said; claims are about all studies."""
    if what == "claims":
        return Path("results")
    named = what if what in figures.STUDIES else "double_descent"
    return Path("results") / (named if what in WORDS else figures.study(what))


def _check(what: str, output: Path | None, bound: str | None) -> None:
    if bound and what != "fig8":
        raise ResultsError(f"{what} takes no --bound. Type: {command('fig8', '--bound', bound)}")
    if what not in (*figures.names(), *WORDS):
        known = ", ".join([*figures.names(), *WORDS])
        near = did_you_mean(what, [*figures.names(), *WORDS])
        raise ResultsError(f"Nothing here is called {what!r}. {near}Choose one of: {known}.")
    if what in PLAIN and output:
        raise ResultsError(
            f"{what} prints lines and takes no -o. Redirect it: {command(what)} > file.txt"
        )


def _run(
    what: str, path: Path, output: Path | None, conditions: list[str], bound: str | None
) -> int:
    if what == "report":
        from analysis.report import report_on

        if conditions:
            raise ResultsError(
                "report draws all of a study and takes no --where. Draw one: "
                f"{command('fig8', '--results', path, '--where', *conditions)}"
            )
        print("\n".join(report_on(path)))
        return 0
    if what == "claims":
        from analysis import claims

        claims.main(path, output, conditions)
        return 0
    from analysis import curves, results

    if what == "compact":
        from analysis.compact import compact

        frame = curves.where(results.load(path), conditions) if conditions else None
        print(compact(path, frame, output))
        return 0
    if what == "verdict":
        from analysis.provenance import provenance
        from analysis.report import judged

        frame = curves.where(results.load(path), conditions)
        print("\n".join(judged(frame, provenance(path))))
        return 0
    if what == "readings":
        from analysis.readings import lines, readings

        print("\n".join(lines(readings(curves.where(results.load(path), conditions)))))
        return 0
    return _draw(what, path, output, conditions, bound)


def _draw(
    what: str, path: Path, output: Path | None, conditions: list[str], bound: str | None
) -> int:
    """Draws one figure, or prints a table, of the rows that meet the conditions."""
    from analysis import curves, results

    frame = curves.where(figures.load(what, path), conditions)
    if bound:
        from analysis.bound import with_bound

        frame = with_bound(frame, bound)
    if figures.is_table(what) and not output:
        print("\n".join(figures.text(what, frame)))
        return 0
    folder = (path if path.is_dir() else path.parent) / "figures"
    files = [output] if output else [folder / f"{what}.{suffix}" for suffix in figures.FORMATS]
    figures.save(what, frame, files, results.note(path))
    print("\n".join(map(str, files)))
    return 0


def alone() -> Never:
    """Runs the command line of this process, and ends it."""
    streams.settle()
    code = main()
    if fault := streams.lost():
        print(f"{fault}. Make room, then type the command again.", file=sys.stderr)
        code = code or WRONG
    sys.exit(code)


if __name__ == "__main__":
    alone()
