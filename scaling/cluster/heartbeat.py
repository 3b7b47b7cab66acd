"""Sends and checks heartbeats of trials, so that nothing waits for a broken connection.

If a link is down for some seconds, Ray's own calls may be lost forever: the trial then waits in its
report, or the driver for its row, and neither notices. So each worker tells the keeper every few
seconds that it lives, and for how long it has waited in a report.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError

from scaling.cluster.watchdog import Report
from scaling.storage.rows import Row

BEAT_SECONDS = 5.0
LOST_SECONDS = 60.0  # a trial silent, or waiting in a report, for this long is lost
FIRST_SECONDS = 300.0  # the same before its first heartbeat: it may still load data


class Heartbeats:
    """Records when the newest process of each task last sent a heartbeat, by the local clock."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[str, float, float]] = {}  # process, time, seconds in a report
        self.retired: set[str] = set()

    def beat(self, task: str, process: str, waiting: float) -> None:
        """Records a heartbeat; one of a process that has been replaced is ignored."""
        if process in self.retired:
            return
        if task in self.last and self.last[task][0] != process:
            self.retired.add(self.last[task][0])
        self.last[task] = process, time.monotonic(), waiting

    def retire(self, task: str) -> None:
        """Forgets the task's process, which has been given up."""
        if task in self.last:
            self.retired.add(self.last.pop(task)[0])

    def silence(self) -> dict[str, tuple[float, float]]:
        """Returns, by task, the seconds since its last heartbeat and the wait it reported."""
        now = time.monotonic()
        return {task: (now - sent_at, waiting) for task, (_, sent_at, waiting) in self.last.items()}


class Heartbeat:
    """Sends the keeper heartbeats from a thread while the `with` block runs.

    `task` is the name of the task that this process works on.
    """

    def __init__(self, keeper: Any, task: str) -> None:
        self.keeper, self.task = keeper, task
        self.process, self.ended = uuid.uuid4().hex, threading.Event()
        self.since: float | None = None  # start of the report in progress, if any

    def __enter__(self) -> "Heartbeat":
        if self.keeper is not None:
            threading.Thread(target=self._send, name="heartbeat", daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.ended.set()

    def timed(self, report: Report) -> Report:
        """Wraps a report, so that the keeper learns how long a call has lasted."""

        def reported(row: Row) -> None:
            self.since = time.monotonic()
            try:
                report(row)
            finally:
                self.since = None

        return reported

    def _send(self) -> None:
        """Sends one message at a time: behind a broken connection none pile up."""
        under_way: list[ray.ObjectRef] = []
        while not self.ended.is_set():
            if under_way:
                _, under_way = ray.wait(under_way, timeout=0)
            if not under_way:
                began = self.since
                waited = time.monotonic() - began if began is not None else 0.0
                under_way = [self.keeper.beat.remote(self.task, self.process, waited)]
            self.ended.wait(BEAT_SECONDS)


class LostTrials:
    """Finds trials without heartbeats and ends their processes, so that Tune retries them.

    `say` gets one line per trial. If the driver itself was held up, it judges no trial until it has
    watched for LOST_SECONDS again.
    """

    def __init__(self, keeper: Any, say: Callable[[str], None]) -> None:
        self.keeper, self.say = keeper, say
        self.running: dict[str, tuple[float, Any]] = {}  # start and Tune's trial, by key
        self.awake_since = self.checked = self.asked = time.monotonic()
        self.answer: ray.ObjectRef | None = None

    def __getstate__(self) -> dict[str, object]:
        """Returns the state of an inactive copy: Ray Tune writes its callbacks to disk."""
        return {"keeper": None}

    def start(self, key: str, trial: Any) -> None:
        """Notes that a trial's process has started."""
        self.running[key] = time.monotonic(), trial

    def end(self, key: str) -> None:
        """Notes that a trial's process has ended, for whatever reason."""
        self.running.pop(key, None)

    def check(self) -> None:
        """Ends lost trials; it is called again and again, and never waits."""
        if self.keeper is None:
            return
        now = time.monotonic()
        if now - self.checked > 2 * BEAT_SECONDS:
            self.awake_since = now
        self.checked = now
        if self.answer is None and now - self.asked > BEAT_SECONDS:
            self.answer, self.asked = self.keeper.silence.remote(), now
        if self.answer is not None and ray.wait([self.answer], timeout=0)[0]:
            with _unless_gone():
                self._judge(ray.get(self.answer))
            self.answer = None

    def _judge(self, silence: dict[str, tuple[float, float]]) -> None:
        now = time.monotonic()
        if now - self.awake_since < LOST_SECONDS:
            return
        for key, (began, trial) in list(self.running.items()):
            alone, waited = silence.get(key, (float("inf"), 0.0))
            age = now - began
            first = alone >= age  # this attempt has not sent any heartbeat yet
            if (
                waited > LOST_SECONDS
                and not first
                or min(alone, age) > (FIRST_SECONDS if first else LOST_SECONDS)
            ):
                self._restart(key, trial)

    def _restart(self, key: str, trial: Any) -> None:
        self.end(key)
        actor = getattr(trial.temporary_state, "ray_actor", None)
        self.say(
            f"{key}: no sign of life for {LOST_SECONDS:g} s, the connection to its process is "
            "broken. It continues from its checkpoint, on another node if one has room"
        )
        self.keeper.retire.remote(key)
        if actor is not None:
            with _unless_gone():
                ray.kill(actor)


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Ignores errors about things that Ray no longer knows; Ray restarts the keeper by itself."""
    try:
        yield
    except (RayError, ValueError):
        return
