"""The caps of a launch, checked again and again whatever it waits for."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import ray

LOOK_SECONDS = 5

CheckCaps = Callable[[float], None]  # gets the number of GPUs in use since its last call


class CapReached(Exception):
    """A cap on hours was reached; what is on disk by then is where the next launch goes on."""


@dataclass(frozen=True)
class Caps:
    """Limits of one command, in hours, and what its earlier launches have used of them."""

    hours: float | None = None
    gpu_hours: float | None = None
    used_hours: float = 0.0


class Limits:
    """The caps of a launch; `still_ours` raises where its lock is lost.

    Hours count from now on, GPU-hours on top of the `before` that earlier launches have used.
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
        """The caps, with the hours that are used of them by now."""
        hours = (time.monotonic() - self.begun) / 3600
        return replace(self.caps, used_hours=hours)

    def check(self, gpus: float) -> None:
        """Adds up GPU-hours and raises CapReached; or Unfinished, where the lock is lost."""
        now = time.monotonic()
        self.gpu_hours += gpus * (now - self.last) / 3600
        self.last = now
        self.still_ours()
        if self.caps.hours is not None and now - self.begun > self.caps.hours * 3600:
            raise CapReached(f"--max-hours {self.caps.hours:g}")
        if self.caps.gpu_hours is not None and self.before + self.gpu_hours > self.caps.gpu_hours:
            told = f", {self.before:.3g} of them in earlier launches" if self.before else ""
            raise CapReached(f"--max-gpu-hours {self.caps.gpu_hours:g}{told}")

    def shown(self) -> dict[str, list[float]]:
        """Returns for each cap that is set the hours used and the hours allowed."""
        hours = (time.monotonic() - self.begun) / 3600
        every = {"--max-hours": (hours, self.caps.hours)}
        every |= {"--max-gpu-hours": (self.before + self.gpu_hours, self.caps.gpu_hours)}
        return {flag: [used, most] for flag, (used, most) in every.items() if most is not None}


def as_they_end(tasks: Mapping[ray.ObjectRef, float], check: CheckCaps) -> Iterator[ray.ObjectRef]:
    """Ray tasks, each with its share of a GPU, in the order in which they end."""
    left = list(tasks)
    gpus = ray.cluster_resources().get("GPU", 0.0)
    while left:
        asked = sum(tasks[task] for task in left)
        ready, left = ray.wait(left, timeout=LOOK_SECONDS)
        check(min(asked, gpus))
        yield from ready
