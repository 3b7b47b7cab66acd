"""The commands that errors tell the reader to type, as this program was started."""

import shlex
import sys
from pathlib import Path


def command(*words: object) -> str:
    """Returns a command line with these words, quoted for a shell.

    It begins with `python -m analysis` where that was typed: the five packages that figures need
    may be all there is, and then no `scaling-vae` is installed.
    """
    alone = Path(sys.argv[0]).parts[-2:] == ("analysis", "__main__.py")
    program = ["python", "-m", "analysis"] if alone else ["scaling-vae"]
    return shlex.join([*program, *map(str, words)])
