"""`python -m analysis fig8 --results results/double_descent -o fig8.pdf`: figures and verdicts."""

import argparse
import sys
from pathlib import Path
from typing import Never

from analysis import figures
from analysis.command import command
from analysis.suggest import did_you_mean
from analysis.trial_folder import ResultsError

WORDS = {  # besides the figures
    "claims": "every claim of the paper, held against results",
    "compact": "all results as one parquet file",
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
    return parser


def main(argv: list[str] | None = None, program: str = "python -m analysis") -> int:
    """Runs one command; 0, or 2 with one or two sentences on stderr."""
    try:
        asked = parser(program).parse_args(argv)
        _check(asked.what, asked.output)
        path = asked.results or _home(asked.what)
        return _run(asked.what, path, asked.output, asked.where)
    except (ResultsError, OSError) as error:
        print(error, file=sys.stderr)
        return WRONG


def _home(what: str) -> Path:
    """Where the results of a figure are, if nothing else is said; claims are about all studies."""
    if what == "claims":
        return Path("results")
    named = what if what in figures.STUDIES else "double_descent"
    return Path("results") / (named if what in WORDS else figures.study(what))


def _check(what: str, output: Path | None) -> None:
    if what not in (*figures.names(), *WORDS):
        known = ", ".join([*figures.names(), *WORDS])
        near = did_you_mean(what, [*figures.names(), *WORDS])
        raise ResultsError(f"Nothing here is called {what!r}. {near}Choose one of: {known}.")
    if what in PLAIN and output:
        raise ResultsError(
            f"{what} prints lines and takes no -o. Redirect it: {command(what)} > file.txt"
        )


def _run(what: str, path: Path, output: Path | None, conditions: list[str]) -> int:
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
        frame = curves.where(results.load(path), conditions) if conditions else None
        print(results.compact(path, frame, output))
        return 0
    if what == "verdict":
        from analysis import verdicts

        print("\n".join(verdicts.lines(curves.where(results.load(path), conditions))))
        return 0
    if what == "readings":
        from analysis.readings import lines, readings

        print("\n".join(lines(readings(curves.where(results.load(path), conditions)))))
        return 0
    frame = curves.where(figures.load(what, path), conditions)
    if figures.is_table(what) and not output:
        print("\n".join(figures.text(what, frame)))
        return 0
    folder = (path if path.is_dir() else path.parent) / "figures"
    files = [output] if output else [folder / f"{what}.{suffix}" for suffix in figures.FORMATS]
    figures.save(what, frame, files, results.note(path))
    print("\n".join(map(str, files)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
