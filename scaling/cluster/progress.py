"""Shows a running launch: on a terminal the board of `status`, elsewhere plain lines."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from ray.tune import Callback

from scaling.cluster.bad_hosts import BadHosts
from scaling.cluster.heartbeat import LostTrials
from scaling.status.activity import Notes
from scaling.status.board import board, counted, timed
from scaling.status.listed import Listed
from scaling.status.screen import Screen, is_live, room
from scaling.status.tracking import STARTING, TRAINING, Tracking
from scaling.storage.rows import Row

LOG_LINES = 6  # lines of progress without a terminal, at equal shares of the work
LOG_SECONDS = 600  # a log gets a line after this long without one
REFRESH_SECONDS = 1.0


class Progress(Tracking):
    """Follows a launch, shows it, and writes its state to disk for `scaling-vae status`.

    On a terminal the board is redrawn in place. A log gets a line after each sixth of the work, and
    after ten minutes without one.
    """

    def __init__(
        self,
        trials: Iterable[Listed],
        *work: Any,
        notes: Notes | None = None,
        stream: TextIO | None = None,
        **more: Any,
    ) -> None:
        super().__init__(trials, *work, **more)
        self.notes, self.given = notes, stream
        self.shown_at, self.shown_share, self.shown_line = self.started, 0.0, ""
        self.screen = Screen(stream) if is_live(self.stream) else None

    @property
    def stream(self) -> TextIO:
        """Returns the stream to write to; stdout is looked up late: Tune pickles its callbacks."""
        return self.given or sys.stdout

    @classmethod
    def of(cls, hours: Mapping[str, float], epochs: Mapping[str, int], **more: Any) -> "Progress":
        """Makes a progress display from keys, planned hours and epochs alone."""
        trials = (Listed(key, key, None, None, None, 0, epochs[key], hours[key]) for key in hours)
        return cls(trials, **more)

    def phase(self, name: str) -> None:
        """Notes and shows that a phase of the launch begins."""
        self.activity.phase = name
        if not self.screen and name not in (STARTING, TRAINING):
            self.say(f"Now: {name}")
        self.show(at_once=True)

    def line(self) -> str:
        """Returns a line such as `12/40 trials done, 2 running, 0 failed, 3 min elapsed`."""
        status = self.status()
        return f"{counted(status)}{timed(status)}"

    def show(self, at_once: bool = False) -> None:
        """Redraws the board or writes a line, if it is time to."""
        now = time.monotonic()
        if self.notes and (at_once or self.notes.are_due):
            self.status()  # it counts all trials
            self.notes.now(self.activity, at_once)
        if self.screen:
            if at_once or now - self.shown_at >= REFRESH_SECONDS:
                self.screen.draw(board(self.status(), *room(self.stream)))
                self.shown_at = now
        elif self._is_time(now):
            self._write(now)
        self.stream.flush()

    def _write(self, now: float) -> None:
        self.shown_line = self.line()
        self.stream.write(f"{self.shown_line}\n")
        self.shown_at, self.shown_share = now, self.done_share

    def _is_time(self, now: float) -> bool:
        """Returns True if it is time for a line in a log."""
        if (
            self.done_share - self.shown_share >= 1 / LOG_LINES
            or now - self.shown_at >= LOG_SECONDS
        ):
            return True
        return self.done_share == 1 and self.shown_share < 1

    def say(self, text: str) -> None:
        """Writes a separate line; on a terminal above the board."""
        if self.screen:
            self.screen.say(text)
            self.screen.draw(board(self.status(), *room(self.stream)))
        else:
            self.stream.write(f"{text}\n")
            self.stream.flush()

    def close(self) -> None:
        """Shows the final state, on a terminal or in a log, and removes now.json."""
        self.activity.running.clear()
        self.activity.phase = "the trials have ended"
        if self.screen:
            self.screen.draw(board(self.status(), *room(self.stream)))
            self.screen.drawn = []
        elif counted(self.status()) not in self.shown_line:
            self._write(time.monotonic())
        self.stream.flush()
        if self.notes:
            self.notes.end()


def last_line(error: Exception | str | None) -> str:
    """Returns the last line of an error's trace, which is what a person needs of Ray's errors."""
    lines = [line.strip() for line in str(error or "").splitlines() if line.strip()]
    if lines:
        return lines[-1]
    if error == "":  # Tune tells errors through a file
        return "its error could not be written: is the disk of the results folder full?"
    return f"no reason known ({type(error).__name__})"


class ProgressCallback(Callback):
    """Feeds a Progress from Ray Tune, and calls `at_step` (caps, heartbeat) at every step.

    The outcome of trials is collected here, as text: Tune's own results unpickle a file in the
    staging folder, where other users may write. `resources` describes the CPUs and GPUs of a trial,
    `failed` gives the reason a trial has itself recorded for its failure. `lost` ends trials
    without heartbeats, `bad_hosts` sets hosts aside on which attempts only fail.
    """

    def __init__(
        self,
        progress: Progress,
        at_step: Callable[[set[str]], None],
        resources: Callable[[str], str] = lambda key: "",
        failed: Callable[[str], str | None] = lambda key: None,
        lost: LostTrials | None = None,
        bad_hosts: BadHosts | None = None,
    ) -> None:
        self.progress, self.at_step = progress, at_step
        self.resources, self.failed = resources, failed
        self.lost, self.bad_hosts = lost, bad_hosts
        self.crowded: list[str] = []  # trials whose share of a GPU was too small
        self.errors: dict[str, str] = {}  # errors of trials that failed permanently

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Notes that a trial's process has started."""
        key = trial.config["key"]
        self.progress.start(key, self.resources(key))
        if self.lost:
            self.lost.start(key, trial)
        if self.bad_hosts:
            self.bad_hosts.start(key, trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Row, **info: Any
    ) -> None:
        """Notes a measured epoch."""
        if "epoch" in result:
            self.progress.row(trial.config["key"], result["epoch"])
            if self.bad_hosts:
                self.bad_hosts.row(trial.config["key"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Notes the end of a trial, and whether its share of a GPU was too small."""
        key = trial.config["key"]
        self._ended(key)
        self.progress.end(key, self.failed(key))
        if trial.last_result.get("crowded"):
            self.crowded.append(key)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Records the error of a trial that failed permanently."""
        key = trial.config["key"]
        self._ended(key)
        self.errors[key] = last_line(trial.get_error())
        self.progress.end(key, self.errors[key])

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Makes Tune read errors as text, by making it forget that it has pickled them, too."""
        for trial in trials:
            trial.run_metadata.pickled_error_filename = None

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Checks caps and heartbeats, and refreshes the display."""
        self.at_step(self.progress.running)
        if self.lost:
            self.lost.check()
        self.progress.show()

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Notes the end of a process whose trial Tune will retry."""
        self._ended(trial.config["key"])
        self.progress.retry(trial.config["key"])
        if self.bad_hosts:
            self.bad_hosts.fail(trial.config["key"])

    def _ended(self, key: str) -> None:
        if self.lost:
            self.lost.end(key)
