"""What a launch shows while it runs: on a terminal the board of `status`, elsewhere plain lines."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from ray.tune import Callback

from scaling.cluster.pulse import Vigil
from scaling.status.activity import Notes
from scaling.status.board import board, counted, timed
from scaling.status.following import STARTING, TRAINING, Following
from scaling.status.listed import Listed
from scaling.status.screen import Screen, is_live, room

LOG_LINES = 6  # without a terminal
LOG_SECONDS = 600  # without a line for so long, there is one
REFRESH_SECONDS = 1.0


class Progress(Following):
    """Follows a launch, shows it, and leaves it on disk for `scaling-vae status`.

    On a terminal the board is drawn over itself; a log gets a line a sixth of the work, and every
    ten minutes.
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
        """Where lines go; stdout is looked up each time: Tune pickles its callbacks."""
        return self.given or sys.stdout

    @classmethod
    def of(cls, hours: Mapping[str, float], epochs: Mapping[str, int], **more: Any) -> "Progress":
        """Makes one of keys, planned hours and epochs alone."""
        trials = (Listed(key, key, None, None, None, 0, epochs[key], hours[key]) for key in hours)
        return cls(trials, **more)

    def phase(self, name: str) -> None:
        """A part of the launch begins."""
        self.activity.phase = name
        if not self.screen and name not in (STARTING, TRAINING):
            self.say(f"Now: {name}")
        self.show(at_once=True)

    def line(self) -> str:
        """`12/40 trials done, 2 running, 0 failed, 3 min gone, about 4 min left`."""
        found = self.status()
        return f"{counted(found)}{timed(found)}"

    def show(self, at_once: bool = False) -> None:
        """Draws or writes what there is to show, where it is time to."""
        now = time.monotonic()
        if self.notes:
            self.status()
            self.notes.now(self.activity, at_once)
        if self.screen:
            if at_once or now - self.shown_at >= REFRESH_SECONDS:
                self.screen.draw(board(self.status(), *room()))
                self.shown_at = now
        elif self._is_time(now):
            self._write(now)
        self.stream.flush()

    def _write(self, now: float) -> None:
        self.shown_line = self.line()
        self.stream.write(f"{self.shown_line}\n")
        self.shown_at, self.shown_share = now, self.share

    def _is_time(self, now: float) -> bool:
        """For a line in a log."""
        if self.share - self.shown_share >= 1 / LOG_LINES or now - self.shown_at >= LOG_SECONDS:
            return True
        return self.share == 1 and self.shown_share < 1

    def say(self, text: str) -> None:
        """A line of its own; on a terminal above the board."""
        if self.screen:
            self.screen.say(text)
            self.screen.draw(board(self.status(), *room()))
        else:
            self.stream.write(f"{text}\n")
            self.stream.flush()

    def close(self) -> None:
        """Leaves the last board on a terminal, and the last line in a log."""
        self.activity.running.clear()
        self.activity.phase = "the trials have ended"
        if self.screen:
            self.screen.draw(board(self.status(), *room()))
            self.screen.drawn = []
        elif counted(self.status()) not in self.shown_line:
            self._write(time.monotonic())
        self.stream.flush()
        if self.notes:
            self.notes.end()


def last_line(error: Exception | None) -> str:
    """What a person needs of an error that came through Ray: the last line of its trace."""
    lines = [line.strip() for line in str(error or "").splitlines() if line.strip()]
    return lines[-1] if lines else f"no reason known ({type(error).__name__})"


class ProgressCallback(Callback):
    """Feeds a Progress from Tune, and calls `at_step` (caps, heartbeat) at every step.

    How trials ended is taken from here, as text: Tune's own results unpickle a file of the staging
    folder, where others may write. `share` says what of the machine a trial has, `failed` why one
    failed that ended by itself. `vigil` ends trials of which nothing is heard.
    """

    def __init__(
        self,
        progress: Progress,
        at_step: Callable[[set[str]], None],
        share: Callable[[str], str] = lambda key: "",
        failed: Callable[[str], str | None] = lambda key: None,
        vigil: Vigil | None = None,
    ) -> None:
        self.progress, self.at_step = progress, at_step
        self.share, self.failed, self.vigil = share, failed, vigil
        self.crowded: list[str] = []  # whose share of a GPU was too small
        self.errors: dict[str, str] = {}  # of trials that failed for good

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        key = trial.config["key"]
        self.progress.start(key, self.share(key))
        if self.vigil:
            self.vigil.start(key, trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result:
            self.progress.row(trial.config["key"], result["epoch"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        key = trial.config["key"]
        self._ended(key)
        self.progress.end(key, self.failed(key))
        if trial.last_result.get("crowded"):
            self.crowded.append(key)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        key = trial.config["key"]
        self._ended(key)
        self.errors[key] = last_line(trial.get_error())
        self.progress.end(key, self.errors[key])

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Makes Tune read errors as text: it forgets that it has a pickle of them, too."""
        for trial in trials:
            trial.run_metadata.pickled_error_filename = None

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.at_step(self.progress.running)
        if self.vigil:
            self.vigil.look()
        self.progress.show()

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial.config["key"])

    def _ended(self, key: str) -> None:
        if self.vigil:
            self.vigil.end(key)
