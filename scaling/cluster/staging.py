"""The folder that Tune writes to while a launch runs; nothing reads it back."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling.cluster.request import Request

PREFIX = ".staging-"


@contextmanager
def staged(request: Request) -> Iterator[Path]:
    """A folder inside the study's, which nodes may see or not; it is gone afterwards.

    Those of launches that were killed go first: the lock says that none of them is alive.
    """
    for path in request.store.root.glob(f"*/{PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)
    path = request.folder / f"{PREFIX}{time.time_ns()}"
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
