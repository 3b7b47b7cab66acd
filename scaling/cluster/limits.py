"""Enforces the caps on a launch's hours; they are checked again and again while it waits."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import ray

LOOK_SECONDS = 5  # between two checks of the caps

CheckCaps = Callable[[float], None]  # its argument: the GPUs in use since the last call


class CapReached(Exception):
    """Signals that a cap on hours was reached; the next launch continues from what is on disk."""


@dataclass(frozen=True)
class Caps:
    """Holds the limits of one command in hours, and the hours that it has used so far."""

    hours: float | None = None
    gpu_hours: float | None = None
    used_hours: float = 0.0


class Limits:
    """Counts the hours of a launch and compares them with its caps.

    Hours count from now on; GPU-hours are added to the `before` that earlier launches used.
    `still_ours` raises if the launch has lost its lock.
    """

    def __init__(
        self, caps: Caps, still_ours: Callable[[], None] = lambda: None, before: float = 0.0
    ) -> None:
        self.caps, self.still_ours = caps, still_ours
        self.last = time.monotonic()
        self.begun = self.last - caps.used_hours * 3600
        self.gpu_hours, self.before = 0.0, before

    @property
    def used(self) -> Caps:
        """Returns the caps with the hours used by now."""
        hours = (time.monotonic() - self.begun) / 3600
        return replace(self.caps, used_hours=hours)

    def check(self, gpus: float) -> None:
        """Adds GPU-hours and raises CapReached at a cap, or Unfinished if the lock is lost."""
        now = time.monotonic()
        self.gpu_hours += gpus * (now - self.last) / 3600
        self.last = now
        self.still_ours()
        if self.caps.hours is not None and now - self.begun > self.caps.hours * 3600:
            raise CapReached(f"--max-hours {self.caps.hours:g}")
        if self.caps.gpu_hours is not None and self.before + self.gpu_hours > self.caps.gpu_hours:
            earlier = f", {self.before:.3g} of them in earlier launches" if self.before else ""
            raise CapReached(f"--max-gpu-hours {self.caps.gpu_hours:g}{earlier}")

    def shown(self) -> dict[str, list[float]]:
        """Returns the hours used and the hours allowed for each cap that is set."""
        hours = (time.monotonic() - self.begun) / 3600
        every = {"--max-hours": (hours, self.caps.hours)}
        every |= {"--max-gpu-hours": (self.before + self.gpu_hours, self.caps.gpu_hours)}
        return {flag: [used, most] for flag, (used, most) in every.items() if most is not None}


def as_they_end(tasks: Mapping[ray.ObjectRef, float], check: CheckCaps) -> Iterator[ray.ObjectRef]:
    """Yields Ray tasks, given with their GPU shares, in the order in which they end.

    `check` is called every few seconds while tasks run.
    """
    left = list(tasks)
    gpus = ray.cluster_resources().get("GPU", 0.0)
    while left:
        in_use = sum(tasks[task] for task in left)
        ready, left = ray.wait(left, timeout=LOOK_SECONDS)
        check(min(in_use, gpus))
        yield from ready
