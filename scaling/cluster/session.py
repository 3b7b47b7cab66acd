"""One Ray session: log to a file, connect, check, shut down."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Ray's output goes to the file inside: its Python loggers, and what native code prints.

    The loggers through the root logger, since `ray.init` clears the handlers of Ray's own; native
    code through the descriptor of stderr, which Python's `sys.stderr` leaves meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _Log(path)
    handler.addFilter(logging.Filter("ray"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("ray").propagate = True
    python, terminal = sys.stderr, os.dup(2)
    sys.stderr = open(terminal, "w", buffering=1, closefd=False)
    with open(path, "ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        sys.stderr = python
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):
            handler.close()


class _Log(logging.FileHandler):
    """Where the disk is full, Ray's log ends; the trials and the launch tell why."""

    def handleError(self, record: logging.LogRecord) -> None:  # else a traceback a line
        pass
