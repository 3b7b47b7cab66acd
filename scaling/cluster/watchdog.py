"""Ends a trial's process that has stopped making rows: Tune has no hard time limit of its own."""

import faulthandler
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scaling.store import TrialFolder

TIMED_OUT = 124  # exit code, as of timeout(1)
GRACE_SECONDS = 20.0
STDERR = 2  # the descriptor: Ray and pytest replace `sys.stderr`
OURS = Path(__file__).parents[2]  # whose frames tell more than those of libraries

Report = Callable[[dict[str, Any]], None]


class Watchdog:
    """Inside `with`, the process ends when no row was heard of for so many seconds; 0: never.

    The trial has then failed, and its `done.json` tells where it stood. Where even that cannot be
    written (native code that holds the interpreter, a file system that hangs), the process ends
    GRACE_SECONDS later and leaves the place in its standard error only.
    """

    def __init__(self, folder: TrialFolder, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds
        self.watched = threading.get_ident()
        self.heard, self.stopped = threading.Event(), False

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
        self.heard.set()
        if self.seconds:
            faulthandler.cancel_dump_traceback_later()

    def heard_in(self, report: Report) -> Report:
        """The same callable, each call of which is a sign of life."""

        def heard(row: dict[str, Any]) -> None:
            self.heard.set()
            if self.seconds:
                self._arm_last_resort()
            report(row)

        return heard

    def _arm_last_resort(self) -> None:
        """A thread of its own that needs no interpreter."""
        limit = self.seconds + GRACE_SECONDS
        faulthandler.dump_traceback_later(limit, exit=True, file=STDERR)

    def _watch(self) -> None:
        while self.heard.wait(self.seconds) and not self.stopped:
            self.heard.clear()
        if not self.stopped:
            self.folder.fail(f"no row within {self._limit()} (--row-timeout): hung {self._place()}")
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
