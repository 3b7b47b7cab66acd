"""Spells commands that messages suggest, in the way this program was started."""

import shlex
import sys
from pathlib import Path


def command(*words: object) -> str:
    """Returns a command line with these words, quoted for a shell.

    It begins with `python -m analysis` if that was typed: then perhaps only the five packages that
    figures need are installed, and no `scaling-vae`.
    """
    alone = Path(sys.argv[0]).parts[-2:] == ("analysis", "__main__.py")
    program = ["python", "-m", "analysis"] if alone else ["scaling-vae"]
    return shlex.join([*program, *map(str, words)])
