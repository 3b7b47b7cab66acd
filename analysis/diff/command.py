"""`python -m analysis diff A B`: what differs between two results.

Exit code 0 says that nothing differs beyond noise, 1 that something does: a final value, the
images of a trial of the same key, or a trial that failed in one of the two only. Settings and code
that differ are named, and are no difference by themselves.
"""

import argparse
from pathlib import Path

from analysis.diff import figure, lines
from analysis.diff.differences import compare
from analysis.diff.sides import Side, shared

SAME, DIFFERS = 0, 1
ABOUT = "Says what differs between two results: 0 nothing beyond noise, 1 something does."
FORMATS = ("png", "pdf", "csv")


def add_to(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Adds the words and flags of `diff`."""
    for name in "AB":
        parser.add_argument(
            name, type=Path, help="a results root, a study's folder or a parquet file"
        )
    parser.add_argument(
        "--metric",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="what is compared (default: the main metrics that both have): "
        "the more, the larger a difference must be",
    )
    parser.add_argument(
        "--where", nargs="+", default=[], metavar="CONDITION", help="compare these rows only"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="png, pdf, svg or csv (default: png, pdf and csv in figures/ beside B)",
    )
    return parser


def main(words: list[str], parser: argparse.ArgumentParser) -> int:
    """Prints what differs, draws the differences; returns the exit code.

    Raises ResultsError where one of the two cannot be read, or they have nothing in common.
    """
    asked = add_to(parser).parse_args(words)
    a, b = (Side.read(path, asked.where) for path in (asked.A, asked.B))
    both, found = shared(a, b), compare(a, b, asked.metric)
    said = [f"A: {asked.A}", f"B: {asked.B}"]
    said += lines.code_lines(a, b) + lines.settings_lines(a, b) + lines.data_lines(a, b, both)
    said += lines.trial_lines(a, b, both, found)
    said += lines.difference_lines(found)
    folder = (asked.B if asked.B.is_dir() else asked.B.parent) / "figures"
    files = [asked.output] if asked.output else [folder / f"diff.{name}" for name in FORMATS]
    if found.differences:
        figure.save(found.differences, lines.difference_lines(found)[-1], files)
        said += map(str, files)
    print("\n".join(said))
    beyond = any(d.differs for d in found.differences)
    return DIFFERS if beyond or both.states or both.data else SAME
