"""Runs one Ray session: logs to a file, connects, checks the nodes, shuts down."""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import ray
from ray._private import worker
from ray.autoscaler.sdk import request_resources

from scaling.cluster.checks import blind_nodes, check_same_code, environments_of_nodes
from scaling.cluster.connect import connect, resources
from scaling.cluster.keeper import KeeperClient, client_of
from scaling.cluster.limits import Limits
from scaling.trial.placement import Cluster

GPU_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Session:
    """Holds a connected Ray cluster, and what everything that waits for its tasks needs."""

    cluster: Cluster
    limits: Limits
    hung_after_s: float  # a process without progress for this many seconds is ended; 0: never
    say: Callable[[str], None] = functools.partial(print, flush=True)
    under_way: Callable[[str, int, int, str], None] = lambda name, done, total, unit: None
    client: KeeperClient | None = None  # to the results folder, for nodes that cannot see it


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
    """Joins or starts Ray for the `with` block, and leaves it afterwards.

    Ray's own output goes to the file `log`. Raises UsageError if nothing answers at the address, or
    if a node has other code; nodes that cannot see the folder `results` are reported. `timed`
    surrounds joining and leaving. `cpus` is the number of CPUs of a local Ray, by default all that
    this process may use.
    """
    with logged_to(log):
        try:
            with timed():
                cluster = connect(address, cpus)
            session = Session(cluster, limits, hung_after_s)
            if address == "local":  # one host: same Python, same results folder
                yield session
                return
            check_same_code(environments_of_nodes)
            with client_of(results) as client:
                _report_blind(client, cluster, session.say)
                yield replace(session, client=client)
        finally:
            with timed():
                ray.shutdown()


def _report_blind(client: KeeperClient, cluster: Cluster, say: Callable[[str], None]) -> None:
    blind = blind_nodes(client) if cluster.nodes > 1 else []
    if blind:
        say(
            f"{client.root} is not shared: node {', '.join(blind)} cannot see it, or may not "
            "write there. Trials there read and write it through Ray, on this host"
        )


def wait_for_gpus(session: Session, seconds: float) -> Cluster:
    """Returns the cluster as soon as it has a GPU, or after `seconds` without one.

    Meanwhile the cluster's autoscaler, if it has one, is asked to start a node with a GPU.
    """
    cluster, end = session.cluster, time.monotonic() + seconds
    if cluster.gpus or not seconds:
        return cluster
    session.say(f"No GPU in the cluster yet: waiting for up to {seconds / 60:g} min")
    request_resources(bundles=[{"GPU": 1}])  # an autoscaler starts nodes only on request
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
    """Redirects Ray's output to the file: its Python loggers, and what native code prints.

    Loggers are redirected through the root logger, since `ray.init` clears the handlers of Ray's
    own; messages that Ray prints to `sys.stdout` become log lines. Native code is redirected
    through the descriptors 1 and 2, while Python's own streams move to copies of them.
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
    printed: Any = worker.print_worker_logs
    worker.print_worker_logs = cast(Any, _printed)
    try:
        yield
    finally:
        worker.print_worker_logs = printed
        sys.stdout.flush()
        for number, terminal in before.items():
            os.dup2(terminal, number)
            os.close(terminal)
        sys.stdout, sys.stderr = python
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):
            handler.close()


def _printed(data: Mapping[str, Any], *words: object) -> None:
    """Logs what Ray would print between a study's lines, such as that a node has died."""
    for line in data.get("lines", ()):
        logging.getLogger("ray").warning("(%s) %s", data.get("pid"), line)


def _apart(stream: Any, copies: Mapping[int, int]) -> Any:
    """Moves a stream to a copy of its descriptor, if native code writes to that descriptor."""
    try:
        stream.flush()
        number = copies.get(stream.fileno())
    except (AttributeError, OSError, ValueError):  # no stream, or one without a descriptor
        return stream
    if number is None:
        return stream
    how = {"encoding": stream.encoding, "errors": "backslashreplace"}
    return open(number, "w", buffering=1, closefd=False, **how)


class _Log(logging.FileHandler):
    """Drops Ray's log lines if the disk is full; the trials and the launch report that."""

    def handleError(self, record: logging.LogRecord) -> None:  # the default prints tracebacks
        pass
