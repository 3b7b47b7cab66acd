"""Ends a process that has stopped making rows: neither Tune nor Ray's tasks have a time limit."""

import faulthandler
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from scaling.errors import UsageError
from scaling.storage.files import atomic
from scaling.storage.rows import Row

TIMED_OUT = 124  # exit code, as of timeout(1)
GRACE_SECONDS = 20.0
STDERR = 2  # the descriptor: Ray and pytest replace `sys.stderr`
OURS = Path(__file__).parents[2]  # whose frames tell more than those of libraries

Report = Callable[[Row], None]


class Failing(Protocol):
    """Takes the reason why a process was ended: a trial's folder, or the note of a task."""

    def fail(self, error: str) -> None: ...


@dataclass(frozen=True)
class Note:
    """Why a task's process was ended: Ray only sees that it died, and tries again."""

    path: Path

    def fail(self, error: str) -> None:
        """Leaves the reason to the next attempt."""
        with atomic(self.path) as stream:
            stream.write(error.encode())

    def heed(self) -> None:
        """Raises UsageError with the reason that an attempt before this one has left."""
        if self.path.exists():
            error = self.path.read_text()
            self.forget()
            raise UsageError(error)

    def forget(self) -> None:
        """For a launch that tries anew."""
        self.path.unlink(missing_ok=True)


class Watchdog:
    """Inside `with`, the process ends when no row was heard of for so many seconds; 0: never.

    The trial has then failed, and its `done.json` tells where it stood. Where even that cannot be
    written (native code that holds the interpreter, a file system that hangs), the process ends
    GRACE_SECONDS later and leaves the place in its standard error only. `awaited` is what a task
    makes in place of rows.
    """

    def __init__(self, note: Failing, seconds: float, awaited: str = "row") -> None:
        self.note, self.seconds, self.awaited = note, seconds, awaited
        self.watched = threading.get_ident()
        self.beats, self.stopped = threading.Event(), False

    def __enter__(self) -> Self:
        if self.seconds:
            self._arm_last_resort()
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped = True
        self.beats.set()
        if self.seconds:
            faulthandler.cancel_dump_traceback_later()

    def beats_in(self, report: Report) -> Report:
        """The same callable, each call of which is a sign of life."""

        def reported(row: Row) -> None:
            self.beat()
            report(row)

        return reported

    def beat(self) -> None:
        """A sign of life."""
        self.beats.set()
        if self.seconds:
            self._arm_last_resort()

    def _arm_last_resort(self) -> None:
        """A thread of its own that needs no interpreter."""
        limit = self.seconds + GRACE_SECONDS
        faulthandler.dump_traceback_later(limit, exit=True, file=STDERR)

    def _watch(self) -> None:
        while self.beats.wait(self.seconds) and not self.stopped:
            self.beats.clear()
        if not self.stopped:
            limit = f"{self._limit()} (--row-timeout)"
            self.note.fail(f"no {self.awaited} within {limit}: hung {self._place()}")
            os._exit(TIMED_OUT)

    def _limit(self) -> str:
        return f"{self.seconds:g} s" if self.seconds < 90 else f"{self.seconds / 60:g} min"

    def _place(self) -> str:
        """Where the watched thread stands, in the innermost frame of this project."""
        stack = traceback.extract_stack(sys._current_frames().get(self.watched))
        paths = [(Path(call.filename), call) for call in stack]
        ours = [(path, call) for path, call in paths if path.is_relative_to(OURS / "scaling")]
        if not ours:
            return "outside this project"
        path, call = ours[-1]
        return f"in {call.name} ({path.relative_to(OURS)}:{call.lineno})"
