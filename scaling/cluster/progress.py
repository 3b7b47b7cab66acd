"""What a launch shows while it runs: trials done, running and failed, and the time left."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from ray.tune import Callback

LOG_LINES = 6  # without a terminal
REFRESH_SECONDS = 1.0


class Progress:
    """Counts trials; on a terminal one line is rewritten, in a log a line a sixth of the work."""

    def __init__(self, costs: Mapping[str, float], stream: TextIO = sys.stdout) -> None:
        self.costs, self.stream = costs, stream
        self.running: set[str] = set()
        self.finished: set[str] = set()
        self.failed: set[str] = set()
        self.started = time.monotonic()
        self.shown_at, self.shown_share = 0.0, 0.0

    @property
    def share(self) -> float:
        """The share of the planned work that is done."""
        total = sum(self.costs.values())
        return sum(self.costs[key] for key in self.finished | self.failed) / total if total else 1.0

    def line(self) -> str:
        """`12/40 trials done, 2 running, 0 failed, about 3 min left`."""
        text = f"{len(self.finished)}/{len(self.costs)} trials done, {len(self.running)} running"
        text += f", {len(self.failed)} failed"
        elapsed = time.monotonic() - self.started
        if not self.share:
            return text
        left = elapsed * (1 - self.share) / self.share
        about = f", about {duration(left)} left" if len(self.finished) < len(self.costs) else ""
        return f"{text}, {duration(elapsed)} gone{about}"

    def show(self) -> None:
        """Writes the line where it is time."""
        now = time.monotonic()
        if self.stream.isatty():
            if now - self.shown_at >= REFRESH_SECONDS:
                self.stream.write(f"\r\033[K{self.line()}")
                self.shown_at = now
        elif self.share - self.shown_share >= 1 / LOG_LINES or (
            self.share == 1 and self.shown_share < 1
        ):
            self.stream.write(f"{self.line()}\n")
            self.shown_share = self.share
        self.stream.flush()

    def say(self, text: str) -> None:
        """A line of its own."""
        self.stream.write(f"\r\033[K{text}\n" if self.stream.isatty() else f"{text}\n")
        self.stream.flush()

    def close(self) -> None:
        """Leaves the last line on a terminal."""
        if self.stream.isatty():
            self.stream.write(f"\r\033[K{self.line()}\n")


def duration(seconds: float) -> str:
    """Seconds as a person says them: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class ProgressCallback(Callback):
    """Feeds a Progress from Tune, and lets `at_step` (caps, heartbeat) look in at every step."""

    def __init__(self, progress: Progress, at_step: Callable[[set[str]], None]) -> None:
        self.progress, self.at_step = progress, at_step

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.progress.running.add(trial.config["key"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.progress.running.discard(trial.config["key"])
        self.progress.finished.add(trial.config["key"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.progress.running.discard(trial.config["key"])
        self.progress.failed.add(trial.config["key"])

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.at_step(self.progress.running)
        self.progress.show()
