"""What a launch shows while it runs: trials done, running and failed, and the time left."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from ray.tune import Callback

LOG_LINES = 6  # without a terminal
LOG_SECONDS = 600  # without a line for so long, there is one
REFRESH_SECONDS = 1.0


class Progress:
    """Counts trials by their planned `costs`, those that run by the `epochs` that they reach.

    On a terminal one line is rewritten; a log gets a line a sixth of the work, and every ten
    minutes.
    """

    def __init__(
        self, costs: Mapping[str, float], epochs: Mapping[str, int], stream: TextIO | None = None
    ) -> None:
        self.costs, self.epochs, self.given = costs, epochs, stream
        self.reached: dict[str, tuple[int, int]] = {}  # epochs of the first row seen, of the last
        self.running: set[str] = set()
        self.finished: set[str] = set()
        self.failed: set[str] = set()
        self.started = time.monotonic()
        self.shown_at, self.shown_share = self.started, 0.0

    @property
    def stream(self) -> TextIO:
        """Where lines go; stdout is looked up each time: Tune pickles its callbacks."""
        return self.given or sys.stdout

    @property
    def share(self) -> float:
        """The share of the planned work that is done."""
        total = sum(self.costs.values())
        over = self.finished | self.failed
        done = sum(self.costs[key] for key in over)
        done += sum(self.costs[key] * self._part(key) for key in self.running & self.reached.keys())
        return done / total if total else 1.0

    def _part(self, key: str) -> float:
        """Of the epochs after the first row seen here: it may have gone on from a later one."""
        first, last = self.reached[key]
        return (last - first) / max(1, self.epochs[key] - first)

    def row(self, key: str, epoch: int) -> None:
        """A trial has measured an epoch."""
        first, _ = self.reached.get(key, (epoch, epoch))
        self.reached[key] = first, epoch

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
                width = shutil.get_terminal_size().columns
                self.stream.write(f"\r\033[K{self.line()[: width - 1]}")
                self.shown_at = now
        elif self._is_time(now):
            self.stream.write(f"{self.line()}\n")
            self.shown_at, self.shown_share = now, self.share
        self.stream.flush()

    def _is_time(self, now: float) -> bool:
        """For a line in a log."""
        if self.share - self.shown_share >= 1 / LOG_LINES or now - self.shown_at >= LOG_SECONDS:
            return True
        return self.share == 1 and self.shown_share < 1

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


def last_line(error: Exception | None) -> str:
    """What a person needs of an error that came through Ray: the last line of its trace."""
    lines = [line.strip() for line in str(error or "").splitlines() if line.strip()]
    return lines[-1] if lines else f"no reason known ({type(error).__name__})"


class ProgressCallback(Callback):
    """Feeds a Progress from Tune, and calls `at_step` (caps, heartbeat) at every step.

    How trials ended is taken from here, as text: Tune's own results unpickle a file of the staging
    folder, where others may write.
    """

    def __init__(self, progress: Progress, at_step: Callable[[set[str]], None]) -> None:
        self.progress, self.at_step = progress, at_step
        self.crowded: list[str] = []  # whose share of a GPU was too small
        self.errors: dict[str, str] = {}  # of trials that failed for good

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.progress.running.add(trial.config["key"])

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result:
            self.progress.row(trial.config["key"], result["epoch"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        key = trial.config["key"]
        self.progress.running.discard(key)
        self.progress.finished.add(key)
        if trial.last_result.get("crowded"):
            self.crowded.append(key)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        key = trial.config["key"]
        self.progress.running.discard(key)
        self.progress.failed.add(key)
        self.errors[key] = last_line(trial.get_error())

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Makes Tune read errors as text: it forgets that it has a pickle of them, too."""
        for trial in trials:
            trial.run_metadata.pickled_error_filename = None

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.at_step(self.progress.running)
        self.progress.show()
