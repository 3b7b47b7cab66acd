"""Writes a study's page in a second process, while this one draws the study's figures."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_beside(folder: Path) -> Iterator[Callable[[], list[str]]]:
    """Writes the page of a study's folder while the `with` block runs.

    The block gets a function that waits for the page and returns its path in a line, or a line with
    the reason why there is none. Without that call the process is killed at the end of the block.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "analysis.page", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        try:
            yield lambda: _lines(process)
        finally:
            process.kill()  # which does nothing to a process that has ended


def _lines(process: subprocess.Popen[str]) -> list[str]:
    lines, errors = process.communicate()
    if process.returncode == 0:
        return lines.splitlines()
    reason = errors.strip() or f"the process ended with {process.returncode}"
    return [f"No page: {reason.splitlines()[-1]}"]
