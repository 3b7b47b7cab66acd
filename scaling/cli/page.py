"""Writes a study's page in a second process, while this one draws the study's figures."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class PageWriter:
    """Starts to write the page of a study's folder at the start of a `with` block.

    The process ends with the block at the latest; it is killed if the block raises.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "analysis.page", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return self

    def lines(self) -> list[str]:
        """Waits for the page and returns its path in a line; a failure is a line, too."""
        told, errors = self.process.communicate()
        if self.process.returncode == 0:
            return told.splitlines()
        reason = (
            errors.strip() or f"the process ended with {self.process.returncode}"
        ).splitlines()
        return [f"No page: {reason[-1]}"]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
