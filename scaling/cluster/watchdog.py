"""Ends a process that makes no progress: neither Tune nor Ray's tasks have a time limit."""

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

TIMED_OUT = 124  # the exit code that timeout(1) uses
GRACE_SECONDS = 20.0
STDERR = 2  # the descriptor: Ray and pytest replace `sys.stderr`
OURS = Path(__file__).parents[2]  # frames of this project say more than those of libraries

Report = Callable[[Row], None]


class Failing(Protocol):
    """Records the reason why a process was ended: in a trial's folder, or in a task's note."""

    def fail(self, error: str) -> None:
        """Records the reason, so that it survives this process."""
        ...


@dataclass(frozen=True)
class Note:
    """Passes the reason why a task's process was ended on to Ray's next attempt at the task."""

    path: Path

    def fail(self, error: str) -> None:
        """Writes the reason for the next attempt."""
        with atomic(self.path) as stream:
            stream.write(error.encode())

    def heed(self) -> None:
        """Raises UsageError with the reason that an earlier attempt has left, and removes it."""
        if self.path.exists():
            error = self.path.read_text()
            self.forget()
            raise UsageError(error)

    def forget(self) -> None:
        """Removes the reason, so that a new launch tries again."""
        self.path.unlink(missing_ok=True)


class Watchdog:
    """Ends the process if the `with` block shows no progress for `seconds`; 0: never.

    The trial has then failed, and its `done.json` names the line of code at which it hung. If even
    that cannot be written (because native code holds the interpreter, or the file system hangs),
    the process ends GRACE_SECONDS later and prints the line only. `awaited` names, for the message,
    what should have appeared.
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
        """Wraps a report, so that each call counts as progress."""

        def reported(row: Row) -> None:
            self.beat()
            report(row)

        return reported

    def beat(self) -> None:
        """Notes progress, so that the time limit starts again."""
        self.beats.set()
        if self.seconds:
            self._arm_last_resort()

    def _arm_last_resort(self) -> None:
        """Arms a timer in native code that ends the process even if the interpreter hangs."""
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
        """Returns where the watched thread is, in the innermost frame of this project."""
        stack = traceback.extract_stack(sys._current_frames().get(self.watched))
        paths = [(Path(call.filename), call) for call in stack]
        ours = [(path, call) for path, call in paths if path.is_relative_to(OURS / "scaling")]
        if not ours:
            return "outside this project"
        path, call = ours[-1]
        return f"in {call.name} ({path.relative_to(OURS)}:{call.lineno})"
