"""Writes the page of one study: `python -m analysis.page FOLDER`, as a launch does at its end.

Users type `scaling-vae page`. Prints a line with the page's path, or with why there is no page.
"""

import sys
from pathlib import Path

from analysis import page
from analysis.errors import ResultsError


def _main(folder: str) -> None:
    try:
        print(f"page: {page.write(Path(folder))}")
    except (ResultsError, OSError) as error:
        print(f"No page: {error}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
