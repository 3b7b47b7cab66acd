"""One Ray session: log to a file, connect, check, shut down."""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources

from scaling.cluster.checks import blind_nodes, check_alike, told_by_nodes
from scaling.cluster.connect import connect, resources
from scaling.cluster.keeper import Courier, courier_of
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
    under_way: Callable[[str, int, int, str], None] = lambda name, done, of, unit: None
    courier: Courier | None = None  # to the results folder, where other nodes may not see it


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
    or where a node has other code; one that does not see the folder `results` is told. `timed` is
    around joining and leaving; `cpus` are those of a Ray that is started here, by default what
    this process may use.
    """
    with logged_to(log):
        try:
            with timed():
                cluster = connect(address, cpus)
            session = Session(cluster, limits, hung_after_s)
            if address == "local":  # this process's own Python, and folder, serve all
                yield session
                return
            check_alike(told_by_nodes)
            with courier_of(results) as courier:
                _tell_blind(courier, cluster, session.say)
                yield replace(session, courier=courier)
        finally:
            with timed():
                ray.shutdown()


def _tell_blind(courier: Courier, cluster: Cluster, say: Callable[[str], None]) -> None:
    blind = blind_nodes(courier) if cluster.nodes > 1 else []
    if blind:
        say(
            f"{courier.root} is not shared: node {', '.join(blind)} does not see it, or may not "
            "write there. What runs there reads and writes it through Ray, on this host"
        )


def wait_for_gpus(session: Session, seconds: float) -> Cluster:
    """The cluster as soon as it has a GPU, or as it is after so many seconds.

    The cluster's autoscaler, where it has one, is asked for a GPU meanwhile.
    """
    cluster, end = session.cluster, time.monotonic() + seconds
    if cluster.gpus or not seconds:
        return cluster
    session.say(f"No GPU in the cluster yet: waiting for up to {seconds / 60:g} min")
    request_resources(bundles=[{"GPU": 1}])  # an autoscaler starts only what is asked for
    try:
        while not cluster.gpus and time.monotonic() < end:
            time.sleep(GPU_POLL_SECONDS)
            session.limits.check(0.0)
            cluster = resources()
    finally:
        request_resources(bundles=[])
    return cluster


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Ray's output goes to the file inside: its Python loggers, and what native code prints.

    The loggers through the root logger, since `ray.init` clears the handlers of Ray's own; native
    code through the descriptors 1 and 2, which Python's own streams leave meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _Log(path)
    handler.addFilter(logging.Filter("ray"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("ray").propagate = True
    before = {number: os.dup(number) for number in (1, 2)}
    python = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_apart(s, before) for s in python)
    with open(path, "ab") as log:
        for number in before:
            os.dup2(log.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, terminal in before.items():
            os.dup2(terminal, number)
            os.close(terminal)
        sys.stdout, sys.stderr = python
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):
            handler.close()


def _apart(stream: Any, copies: Mapping[int, int]) -> Any:
    """The stream on a copy of its descriptor, where that is one that native code writes to."""
    try:
        stream.flush()
        number = copies.get(stream.fileno())
    except (AttributeError, OSError, ValueError):  # none, or one that a test made up
        return stream
    if number is None:
        return stream
    how = {"encoding": stream.encoding, "errors": "backslashreplace"}
    return open(number, "w", buffering=1, closefd=False, **how)


class _Log(logging.FileHandler):
    """Where the disk is full, Ray's log ends; the trials and the launch tell why."""

    def handleError(self, record: logging.LogRecord) -> None:  # else a traceback a line
        pass
