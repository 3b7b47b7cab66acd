"""Signs of life of trials, and what the driver does without: a broken connection is not waited for.

Ray's own calls may be lost for good where a link was down for some seconds: the trial then waits
in its report, or the driver for its row, and neither is told. So each worker tells the keeper every
few seconds that it lives and for how long it has waited in a report.
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

BEAT_SECONDS = 5.0
LOST_SECONDS = 60.0  # of silence, or of waiting in a report
FIRST_SECONDS = 300.0  # of silence from a process that may still import, or load data


class Heard:
    """When each work's newest process was last heard of, by this process's own clock."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[str, float, float]] = {}  # process, time, seconds in a report
        self.retired: set[str] = set()

    def beat(self, work: str, process: str, waiting: float) -> None:
        """A sign of life; one of a process that a newer one has followed counts for nothing."""
        if process in self.retired:
            return
        if work in self.last and self.last[work][0] != process:
            self.retired.add(self.last[work][0])
        self.last[work] = process, time.monotonic(), waiting

    def retire(self, work: str) -> None:
        """Forgets the work's process, which was given up."""
        if work in self.last:
            self.retired.add(self.last.pop(work)[0])

    def silence(self) -> dict[str, tuple[float, float]]:
        """Seconds since each work was heard of, and those that it waited in a report then."""
        now = time.monotonic()
        return {work: (now - at, waiting) for work, (_, at, waiting) in self.last.items()}


class Pulse:
    """Inside `with`, a thread tells the keeper that this process is at the work."""

    def __init__(self, keeper: Any, work: str) -> None:
        self.keeper, self.work = keeper, work
        self.process, self.ended = uuid.uuid4().hex, threading.Event()
        self.since: float | None = None  # when the report began that is under way

    def __enter__(self) -> "Pulse":
        if self.keeper is not None:
            threading.Thread(target=self._tell, name="pulse", daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.ended.set()

    def timed(self, report: Report) -> Report:
        """The same callable; the keeper is told for how long a call has lasted."""

        def reported(row: dict[str, Any]) -> None:
            self.since = time.monotonic()
            try:
                report(row)
            finally:
                self.since = None

        return reported

    def _tell(self) -> None:
        """One message at a time: behind a broken connection none piles up."""
        under_way: list[ray.ObjectRef] = []
        while not self.ended.is_set():
            if under_way:
                _, under_way = ray.wait(under_way, timeout=0)
            if not under_way:
                began = self.since
                waited = time.monotonic() - began if began is not None else 0.0
                under_way = [self.keeper.beat.remote(self.work, self.process, waited)]
            self.ended.wait(BEAT_SECONDS)


class Vigil:
    """Finds the trials of which nothing is heard, and ends their processes so that Tune retries.

    `say` gets a line a trial. A driver that was itself held up judges nobody before it has looked
    on for as long again.
    """

    def __init__(self, keeper: Any, say: Callable[[str], None]) -> None:
        self.keeper, self.say = keeper, say
        self.running: dict[str, tuple[float, Any]] = {}  # start and Tune's trial, by key
        self.awake_since = self.looked = self.asked = time.monotonic()
        self.answer: ray.ObjectRef | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For a copy that looks at nothing: Ray Tune writes its callbacks to disk."""
        return {"keeper": None}

    def start(self, key: str, trial: Any) -> None:
        """A trial's process has started."""
        self.running[key] = time.monotonic(), trial

    def end(self, key: str) -> None:
        """It has ended, however."""
        self.running.pop(key, None)

    def look(self) -> None:
        """Ends what is lost; called again and again, and never waits."""
        if self.keeper is None:
            return
        now = time.monotonic()
        if now - self.looked > 2 * BEAT_SECONDS:
            self.awake_since = now
        self.looked = now
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
            here = now - began
            first = alone >= here  # nothing was heard since this attempt began
            if (
                waited > LOST_SECONDS
                and not first
                or min(alone, here) > (FIRST_SECONDS if first else LOST_SECONDS)
            ):
                self._restart(key, trial)

    def _restart(self, key: str, trial: Any) -> None:
        self.end(key)
        actor = getattr(trial.temporary_state, "ray_actor", None)
        self.say(
            f"{key}: no sign of life for {LOST_SECONDS:g} s, the connection to its process is "
            "broken. It goes on from its checkpoint, elsewhere where there is room"
        )
        self.keeper.retire.remote(key)
        if actor is not None:
            with _unless_gone():
                ray.kill(actor)


@contextmanager
def _unless_gone() -> Iterator[None]:
    """What Ray no longer knows needs no ending; the keeper comes back by itself."""
    try:
        yield
    except (RayError, ValueError):
        return
