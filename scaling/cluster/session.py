"""One Ray session: log to a file, connect, check, shut down."""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import ray

from scaling.cluster.checks import check_shared
from scaling.cluster.connect import connect, resources
from scaling.cluster.limits import Limits
from scaling.trial.placement import Cluster

GPU_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Session:
    """A connected Ray, and what everything that waits for its tasks needs."""

    cluster: Cluster
    limits: Limits
    hung_after_s: float  # seconds without a sign of life after which a process is ended; 0: never
    say: Callable[[str], None] = functools.partial(print, flush=True)


@contextmanager
def connected(
    address: str,
    results: Path,
    log: Path,
    limits: Limits,
    hung_after_s: float,
    timed: Callable[[], AbstractContextManager[None]] = nullcontext,
    cpus: int | None = None,
) -> Iterator[Session]:
    """Joins or starts Ray for what is inside `with`, and leaves it afterwards.

    Ray's own output goes to the file `log`. Raises UsageError where nobody answers at the address,
    or where a node does not see the folder `results`. `timed` is around joining and leaving;
    `cpus` are those of a Ray that is started here, by default what this process may use.
    """
    with logged_to(log):
        try:
            with timed():
                cluster = connect(address, cpus)
            if cluster.nodes > 1:
                check_shared(results)
            yield Session(cluster, limits, hung_after_s)
        finally:
            with timed():
                ray.shutdown()


def wait_for_gpus(session: Session, seconds: float) -> Cluster:
    """The cluster as soon as it has a GPU, or as it is after so many seconds."""
    cluster, end = session.cluster, time.monotonic() + seconds
    if seconds and not cluster.gpus:
        session.say(f"No GPU in the cluster yet: waiting for up to {seconds / 60:g} min")
    while not cluster.gpus and time.monotonic() < end:
        time.sleep(GPU_POLL_SECONDS)
        session.limits.check(0.0)
        cluster = resources()
    return cluster


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
