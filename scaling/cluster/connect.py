"""Connects to Ray, a local one of our own, the running one, or HOST:PORT, and never hangs."""

import os
import re
import signal
import socket
import sys
import threading
import time
from typing import Any

import ray
from ray._private import ray_constants
from ray._raylet import Config  # type: ignore[attr-defined]

from scaling.cluster import exit_code, needs
from scaling.errors import UsageError, to_type
from scaling.pools.room import local_store_bytes
from scaling.trial import machine
from scaling.trial.placement import Cluster

PROBE_SECONDS, CONNECT_SECONDS = 3, 8
HEAD_SECONDS = 40  # silence of the cluster's head; after 60 s Ray ends the process silently
PATIENT_SECONDS = 120  # time for Ray to start on a busy machine; its default is 30
HEAD_GONE = 3  # exit code: unfinished trials remain
REFUSED = 2  # exit code: nothing was started
START_HINT = "Omit --address to run here, or start a cluster: ray start --head"


def connect(address: str, cpus: int | None = None) -> Cluster:
    """Joins a Ray cluster, or starts a local Ray with `cpus` CPUs.

    Raises UsageError within ten seconds if that is impossible.
    """
    ours = signal.getsignal(signal.SIGTERM)
    if address == "local":
        _check_needs()
        _start(cpus or machine.cpus())
    else:
        _join(address)
    signal.signal(signal.SIGTERM, ours)  # Ray has installed its own handler
    watched = [_head(), address == "local"]
    threading.Thread(target=_watch_head, args=watched, name="head", daemon=True).start()
    return resources()


def _check_needs() -> None:
    """Raises UsageError if a local Ray lacks something that it needs; creates its token."""
    try:
        needs.make_token_private()
    except OSError:
        pass  # the loop below reports it
    for need in needs.needs():
        if need.advice and need.name != needs.OPEN:
            raise UsageError(need.sentence)


def _cannot_start(error: Exception) -> str:
    """Returns Ray's error with advice: more time, or another folder."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if re.search(r"time[d]?.?out|did not .* in time", reason, re.IGNORECASE):
        return (
            f"Ray did not start in time: {reason} The machine may only be busy. Try again, with "
            f"more patience: export RAY_gcs_server_port_wait_time_s={PATIENT_SECONDS}"
        )
    return (
        f"Ray cannot start here: {reason} Set RAY_TMPDIR to a folder of yours on a disk with room: "
        f"export RAY_TMPDIR=DIR. To check what Ray needs, type: {to_type('doctor')}"
    )


def _start(cpus: int) -> None:
    """Starts a local Ray on 127.0.0.1 only, Ray's default where it supports no clusters.

    It demands the token, so that other users of this machine cannot run code in it.
    """
    _demand_token()
    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        store = local_store_bytes()
        _init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=store)
    except Exception as error:  # Ray raises many kinds, plain Exception too
        raise UsageError(_cannot_start(error)) from None
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _demand_token() -> None:
    """Turns token authentication on, unless the environment decides, as Ray does from 2.59 on."""
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        Config.initialize("")  # Ray has read its environment on import


def _init(address: str, **options: Any) -> None:
    ray.init(
        address=address,
        log_to_driver=False,
        configure_logging=False,
        **options,
    )


def _join(address: str) -> None:
    """Joins a running cluster.

    Uses `auto` even for HOST:PORT: only then does Ray turn on token authentication by itself.
    """
    if address != "auto":
        _probe(address)
        os.environ["RAY_ADDRESS"] = address
    elif os.environ.get("RAY_ADDRESS"):
        _probe(os.environ["RAY_ADDRESS"])
    timer = threading.Timer(CONNECT_SECONDS, _give_up, [address])
    timer.daemon = True
    timer.start()
    try:
        _init("auto")
    except ConnectionError as error:
        if os.environ.get("RAY_ADDRESS"):  # something listens there
            raise UsageError(_refused(address, str(error).splitlines()[0])) from None
        raise UsageError(
            f"No Ray cluster is running on this machine (--address {address}). {START_HINT}"
        ) from None
    except Exception as error:
        raise UsageError(_refused(address, str(error).splitlines()[0])) from None
    finally:
        timer.cancel()


def _give_up(address: str) -> None:
    """Ends the process with an error, since Ray's own attempt to connect cannot be cancelled."""
    print(f"Error: {_refused(address, f'no answer in {CONNECT_SECONDS} s')}", file=sys.stderr)
    sys.stderr.flush()
    exit_code.end(REFUSED)


def _refused(address: str, reason: str) -> str:
    return (
        f"The Ray cluster at --address {address} does not let this process in: {reason}. Check "
        "that it runs the same Ray and Python, and its token (RAY_AUTH_MODE=token, "
        "RAY_AUTH_TOKEN_PATH)."
    )


def _probe(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "://" in address:
        raise UsageError(f"--address {address}: local, auto or HOST:PORT is expected.")
    try:
        socket.create_connection((host, int(port)), timeout=PROBE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"Nothing listens at --address {address}: {error}. {START_HINT}") from None


def _head() -> str | None:
    """Returns HOST:PORT of the cluster that this process has joined, or None."""
    return ray.get_runtime_context().gcs_address if ray.is_initialized() else None


def _watch_head(address: str, local: bool = False) -> None:
    """Ends the process with an error once the head of the cluster, or of a local Ray, is gone."""
    seen = time.monotonic()
    while time.monotonic() - seen < HEAD_SECONDS:
        time.sleep(PROBE_SECONDS)
        if _head() != address:
            return
        try:
            _probe(address)
            seen = time.monotonic()
        except UsageError:
            continue
    if local:
        what = "the head of this launch's own Ray is gone. Finished work is kept: type"
    else:
        what = f"the head of the Ray cluster at {address} is gone. Finished work is kept: start the"
        what += " cluster again, then type"
    print(f"Error: {what} the same command.", file=sys.stderr, flush=True)
    exit_code.end(HEAD_GONE)


def resources() -> Cluster:
    """Returns the resources of the nodes that are alive."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Cluster.of_nodes(tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes))
