"""Tracks a launch from inside: how far each trial is, what runs, how long the rest takes."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from scaling.status.activity import Activity
from scaling.status.listed import DONE, FAILED, RUNNING, WAITING, Listed, Seen
from scaling.status.status import Status
from scaling.status.time_left import DoneShare, TimeLeft

STARTING, TRAINING = "starting the first trials", "training"  # phases that need no line in a log


class Tracking:
    """Tracks how far each trial of a study is while its launch runs.

    `trials` are all trials of the study, `seen` their states at the start. The planned work
    consists of the trials that are `left`, and of the pools in `sampling` (planned hours by name);
    `width` pieces of it run at a time. `titles` are the study's name and preset.
    """

    def __init__(
        self,
        trials: Iterable[Listed],
        seen: Mapping[str, Seen] | None = None,
        sampling: Mapping[str, float] | None = None,
        width: int = 1,
        titles: tuple[str, str] = ("", ""),
    ) -> None:
        self.trials = {trial.key: trial for trial in trials}
        self.seen = {key: Seen() for key in self.trials} | dict(seen or {})
        hours = {trial.key: trial.hours for trial in self.trials.values() if trial.left}
        self.left = TimeLeft(hours | dict(sampling or {}), width)
        self.titles, self.activity = titles, Activity()
        self.done = DoneShare(self.left.hours, self._parts())
        self.started = time.monotonic()
        self.begun: float | None = None  # when the first trial started
        self.measuring: float | None = None  # when the metrics began

    @property
    def done_share(self) -> float:
        """Returns the share of the planned work that is done."""
        return self.done.value

    @property
    def running(self) -> set[str]:
        """Returns the keys of the running trials."""
        return set(self.activity.running)

    def _parts(self) -> dict[str, float]:
        """Returns the done share of each piece of work, in epochs or in a pool's images."""
        parts = {key: self._part(key) for key in self.seen}
        work = self.activity.work.items()
        return parts | {name: done / max(1, total) for name, (done, total, _) in work}

    def _part(self, key: str) -> float:
        """Returns the share of a trial's epochs in this launch that is done."""
        trial, seen = self.trials[key], self.seen[key]
        new = (seen.epoch - trial.begun) / max(1, trial.epochs - trial.begun)
        return 1.0 if seen.state in (DONE, FAILED) else new

    def _note(self, key: str, **news: Any) -> None:
        """Replaces what is known of a trial."""
        self.seen[key] = replace(self.seen[key], **news)
        self.done.note(key, self._part(key))

    def start(self, key: str, resources: str) -> None:
        """Notes that a trial starts, with these CPUs and GPUs in words."""
        self.begun = time.monotonic() if self.begun is None else self.begun
        self.activity.running[key] = resources
        if self.activity.phase == STARTING:
            self.activity.phase = TRAINING
        self._note(key, state=RUNNING, error="")

    def row(self, key: str, epoch: int) -> None:
        """Notes that a trial has measured an epoch."""
        self._note(key, epoch=epoch)

    def end(self, key: str, error: str | None = None) -> None:
        """Notes that a trial has ended, successfully or with an error."""
        self.activity.running.pop(key, None)
        state = DONE if error is None else FAILED
        self._note(key, state=state, error=error or "")

    def retry(self, key: str) -> None:
        """Notes that an attempt at a trial has failed, and that the trial will run again."""
        self.activity.retried[key] = self.activity.retried.get(key, 0) + 1

    def will_rerun(self, keys: Iterable[str]) -> None:
        """Notes that these trials will run again."""
        for key in keys:
            self._note(key, state=WAITING)

    def under_way(self, name: str, done: int, total: int, unit: str) -> None:
        """Notes progress of other work than trials: of a pool, or of the metrics."""
        if name == "metrics" and self.measuring is None:
            self.measuring = time.monotonic()
        self.activity.work[name] = [done, total, unit]
        self.done.note(name, done / max(1, total))

    def status(self) -> Status:
        """Returns the Status that `scaling-vae status` would find now."""
        now = time.monotonic()
        self.activity.seconds = now - self.started
        self.activity.left_seconds = self._left(now)
        return Status(*self.titles, self.trials, self.seen, self.activity)

    def _left(self, now: float) -> float | None:
        """Returns the seconds left; while metrics are measured, extrapolated from these."""
        done, total, _ = self.activity.work.get("metrics", [0, 0, ""])
        if self.measuring is not None and done < total:
            return (now - self.measuring) * (total - done) / done if done else None
        return self.left.seconds(self._parts(), now - (now if self.begun is None else self.begun))
