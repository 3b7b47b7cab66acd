"""Shows the state of a study from any shell, writing nothing: `scaling-vae status DIR [STUDY]`."""

import json
import shutil
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from analysis.errors import ResultsError
from analysis.storage.remote import is_address, place
from scaling.cli.options import Parser
from scaling.cli.process import DONE
from scaling.errors import UsageError, to_type
from scaling.status.board import Line, board, counted, cut, paint, timed, wants_colour
from scaling.status.screen import Screen, is_live, room
from scaling.status.status import Status, find, read

WIDTH = 100  # columns without a terminal
WATCH_SECONDS = 2.0


def add_to(subparsers: Any) -> None:
    """Adds the command `status` to the command line."""
    parser: Parser = subparsers.add_parser(
        "status", help="show the state of a study, while it runs or after", description=__doc__
    )
    add = parser.add_argument
    add("results", nargs="?", default="results", metavar="RESULTS",
        help="the results folder, a study's, or its address (default: results)")  # fmt: skip
    add("study", nargs="?", metavar="STUDY", help="name of a study (default: all)")
    add("--watch", action="store_true", help="repeat until the launch has ended")
    add("--json", action="store_true", help="print every trial as JSON, once")
    parser.set_defaults(command=run)


def run(options: Namespace) -> int:
    """Prints the state of studies, once or repeatedly; returns the exit code."""
    if options.watch and options.json:
        raise UsageError("--json prints once and --watch repeatedly. Omit one of them.")
    if options.watch and is_address(options.results):
        raise UsageError("--watch follows a folder, and an address is read once. Omit it.")
    try:
        root, names = find(place(options.results), options.study)
    except ResultsError as error:
        raise UsageError(str(error)) from None
    if options.json:
        studies = [read(root, name).to_dict() for name in names]
        print(json.dumps(studies[0] if options.study or len(studies) == 1 else studies, indent=1))
    elif options.watch:
        _watch(root, names)
    else:
        width = shutil.get_terminal_size((WIDTH, 24)).columns
        lines = _lines(_read(root, names), root, width)
        print("\n".join(paint(lines, wants_colour(sys.stdout.isatty()))))
    return DONE


def _read(root: Path, names: list[str]) -> list[Status]:
    return [read(root, name) for name in names]


def _lines(studies: list[Status], root: Path, width: int, most: int | None = None) -> list[Line]:
    """Returns the board of a single study, or a line for each and the boards of running ones."""
    if len(studies) == 1:
        return board(studies[0], width, most)
    lines: list[Line] = [
        cut([(f"{study.study:<20} ", "bold"), (f"{counted(study)}{timed(study)}", "")], width)
        for study in studies
    ]
    busy = [study for study in studies if study.activity]
    for study in busy:
        left = None if most is None else max(3, (most - len(lines)) // len(busy))
        lines += [[], *board(study, width, left)]
    if not busy:
        lines.append(
            cut([(f"For a board, type: {to_type('status', root, 'STUDY')}", "dim")], width)
        )
    return lines[:most]


def _watch(root: Path, names: list[str]) -> None:
    """Redraws in place on a terminal; elsewhere prints a line whenever it changes."""
    screen, last = Screen(sys.stdout), ""
    while True:
        studies = _read(root, names)
        if is_live(sys.stdout):
            screen.draw(_lines(studies, root, *room(sys.stdout)))
        else:
            text = "; ".join(f"{study.study}: {counted(study)}" for study in studies)
            print(*[text] * (text != last), sep="\n", end="\n" * (text != last), flush=True)
            last = text
        if not any(study.activity for study in studies):
            return
        time.sleep(WATCH_SECONDS)
