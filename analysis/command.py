"""Formats commands that messages suggest, with the name by which this program was started."""

import shlex
import sys
from pathlib import Path


def typed_path(path: Path) -> str:
    """Returns how a page names its results: a study's folder in `results`, or a file by its name.

    Pages are sent to others, so the folder in which they were written says nothing.
    """
    return path.name if path.is_file() else str(Path("results") / path.name)


def command(*words: object) -> str:
    """Returns a command line with these words, quoted for a shell.

    It begins with `python -m analysis` if that was typed: then perhaps only the six packages that
    `analysis` needs are installed, and no `scaling-vae`.
    """
    alone = Path(sys.argv[0]).parts[-2:] == ("analysis", "__main__.py")
    program = ["python", "-m", "analysis"] if alone else ["scaling-vae"]
    return shlex.join([*program, *map(str, words)])
