"""Keeps a study's TensorBoard up to date while Tune runs its trials."""

from collections.abc import Callable
from typing import Any

from ray.tune import Callback

from scaling.storage.rows import Row
from scaling.storage.study_events import StudyEvents


class EventsCallback(Callback):
    """Describes the study in TensorBoard once trials run, and updates the means as they do.

    If the disk refuses to write them, this is reported once and the trials continue: whether they
    fail is decided by what they write themselves.
    """

    def __init__(self, events: StudyEvents, say: Callable[[str], None]) -> None:
        self.events, self.say = events, say
        self.broken = self.described = False

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Describes the study when the first trial has started: of thousands it takes seconds."""
        if not self.described:
            self.described = True
            self._write(lambda key: self.events.describe(), trial.config["key"])

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Row, **info: Any
    ) -> None:
        """Updates the means after a measured epoch."""
        if "epoch" in result:
            self._write(self.events.row, trial.config["key"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Updates the means after the end of a trial."""
        self._write(self.events.end, trial.config["key"])

    def _write(self, write: Callable[[str], None], key: str) -> None:
        if self.broken:
            return
        try:
            write(key)
        except OSError as error:
            self.broken = True
            self.say(f"TensorBoard's means are not updated until the launch ends: {error}")
