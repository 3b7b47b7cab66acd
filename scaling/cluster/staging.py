"""Provides the folder to which Ray Tune writes during a launch; nothing reads it back."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scaling.cluster.request import Request

PREFIX = ".staging-"


@contextmanager
def staged(request: Request) -> Iterator[Path]:
    """Provides a staging folder inside the study's folder, and removes it afterwards.

    An empty study's folder is removed too: Ray Tune makes it again after the results vanished.
    Nodes need not see it. Folders of killed launches are removed first: the lock excludes that
    another launch still runs.
    """
    for path in request.store.root.glob(f"*/{PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)
    path = request.folder / f"{PREFIX}{time.time_ns()}"
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):  # it is not empty
            request.folder.rmdir()
