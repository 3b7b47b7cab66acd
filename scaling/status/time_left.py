"""Estimates how long a launch still takes: from its plan at first, later from measured progress."""

from collections.abc import Mapping
from dataclasses import dataclass

PRIOR = 0.1  # the plan weighs as much as a measurement of this share of the work,
PRIOR_SECONDS = 20.0  # and of at least these seconds: plans omit the start of processes


@dataclass(frozen=True)
class TimeLeft:
    """Estimates the time left from the planned hours of each piece of work on one worker.

    `width` is the number of pieces that run at a time.
    """

    hours: Mapping[str, float]
    width: int = 1

    def seconds(self, parts: Mapping[str, float], elapsed: float) -> float:
        """Returns the seconds that are left, 0 or more, `elapsed` seconds after the work began.

        `parts` is the share that is done of each piece. With d the planned seconds of finished
        work, and p a tenth of those of all work, the rest takes (p + elapsed) / (p + d) times as
        long as planned: a factor of 1 at first, near elapsed / d in the end. The estimate is never
        below the time of the longest remaining piece.
        """
        scale = 3600 / max(1, self.width)
        total, done = sum(self.hours.values()) * scale, _done(self.hours, parts) * scale
        alone = (h * (1 - _part(parts, name)) * 3600 for name, h in self.hours.items())
        planned = max(total - done, max(alone, default=0.0))
        if not total:
            return 0.0
        prior = max(PRIOR * total, PRIOR_SECONDS)
        slower = (prior + max(0.0, elapsed)) / (prior + done)
        return max(0.0, planned * slower)


class DoneShare:
    """Keeps the share of the planned work that is done, at a cost that does not grow with it.

    `hours` are the planned hours of each piece of work, `parts` the share of it that is done.
    """

    def __init__(self, hours: Mapping[str, float], parts: Mapping[str, float]) -> None:
        self.hours, self.parts = hours, {name: _part(parts, name) for name in hours}
        self.total, self.done = sum(hours.values()), _done(hours, self.parts)
        self.unfinished = sum(part < 1 for part in self.parts.values())

    def note(self, name: str, part: float) -> None:
        """Notes the share that is done of a piece of work."""
        if name not in self.parts:
            return
        before, after = self.parts[name], min(1.0, max(0.0, part))
        self.parts[name] = after
        self.done += self.hours[name] * (after - before)
        self.unfinished += (after < 1) - (before < 1)

    @property
    def value(self) -> float:
        """Returns the share of all work that is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.unfinished and self.total else 1.0


def _done(hours: Mapping[str, float], parts: Mapping[str, float]) -> float:
    return sum(planned * _part(parts, name) for name, planned in hours.items())


def _part(parts: Mapping[str, float], name: str) -> float:
    return min(1.0, max(0.0, parts.get(name, 0.0)))


def duration(seconds: float) -> str:
    """Formats seconds for people: `45 s`, `12 min`, `3.5 h`; never below 0."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
