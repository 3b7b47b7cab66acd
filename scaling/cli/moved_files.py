"""Finds users' files that were moved or renamed, by their content: `--dataset NEW.npz`.

A study needs none of this: it is given the present path anyway, and its trials then name that one.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scaling.errors import UsageError, listed
from scaling.trial import Trial
from scaling.trial.own_files import content

if TYPE_CHECKING:
    from scaling.data.datasets import Dataset


def add_moved(parser: argparse.ArgumentParser) -> None:
    """Adds --dataset for commands that take the data sets of trials from their folders."""
    parser.add_argument(
        "--dataset", type=Path, action="append", default=[], metavar="FILE.npz",
        help="present path of a file of your own that was moved or renamed; may be repeated",
    )  # fmt: skip


def moved_loader(
    options: argparse.Namespace, trials: Sequence[Trial]
) -> "Callable[[str, str], Dataset]":
    """Returns the loader of the trials' data sets, which reads moved files where they are now.

    Raises UsageError if a file is missing and none of `--dataset` has its content, and for one of
    these that no trial needs.
    """
    from scaling.data import datasets

    load = datasets.loader(options.data_root, options.offline)
    places = {_content(path): str(path) for path in options.dataset}
    needed = {trial.dataset: trial.content for trial in trials if trial.content}
    if unread := {path for digest, path in places.items() if digest not in needed.values()}:
        raise UsageError(
            f"No chosen trial was trained on the content of {listed(unread)}. "
            "Give the file that was moved, or omit --dataset."
        )
    now = {old: places[digest] for old, digest in needed.items() if digest in places}
    for old, digest in needed.items():
        if old not in now and not Path(old).is_file():
            raise UsageError(
                f"{old} does not exist. If it was moved or renamed, give its present path, as in "
                f"--dataset NEW.npz; its SHA-256 begins with {digest}."
            )
    return lambda name, binarise: load(now.get(name, name), binarise)


def _content(path: Path) -> str:
    """Returns the start of the file's SHA-256; raises UsageError if there is no file."""
    if not path.is_file():
        raise UsageError(
            f"--dataset {path}: there is no such file. Give the path of an npz archive."
        )
    return content(path)
