"""Keeps a study's TensorBoard up to date while Tune runs its trials."""

from collections.abc import Callable
from typing import Any

from ray.tune import Callback

from scaling.storage.study_events import StudyEvents


class EventsCallback(Callback):
    """Writes means when trials measure and end.

    A disk that takes no events is told once, and the trials go on without: what they write
    themselves decides whether they fail.
    """

    def __init__(self, events: StudyEvents, say: Callable[[str], None]) -> None:
        self.events, self.say = events, say
        self.broken = False

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result:
            self._write(self.events.row, trial.config["key"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._write(self.events.end, trial.config["key"])

    def _write(self, write: Callable[[str], None], key: str) -> None:
        if self.broken:
            return
        try:
            write(key)
        except OSError as error:
            self.broken = True
            self.say(f"TensorBoard's means stand still until the launch ends: {error}")
