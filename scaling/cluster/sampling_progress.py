"""Describes a pool to sample, and prints how far its sampling is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaling.pools.build import sampled_images
from scaling.pools.spec import PoolSpec
from scaling.status.time_left import duration
from scaling.trial import DiffusionTrial

LINE_SECONDS = 15, 300  # minimum and maximum between two lines of progress


@dataclass(frozen=True)
class PoolRequest:
    """Describes a pool to sample: its contents, its diffusion model, its number of chunks k."""

    spec: PoolSpec
    trial: DiffusionTrial
    k: int


class SamplingProgress:
    """Prints lines of progress: when there are new images, but not too often, or after a while."""

    def __init__(self, path: Path, request: PoolRequest, say: Callable[[str], None]) -> None:
        self.path, self.request, self.say = path, request, say
        self.begun = self.line_at = time.monotonic()
        self.first = self.last = sampled_images(path, request.k)
        self.total = request.k * request.spec.images_per_chunk

    def show(self) -> None:
        """Prints a line if it is time for one."""
        least, most = LINE_SECONDS
        since = time.monotonic() - self.line_at
        if since > most or (
            since > least and sampled_images(self.path, self.request.k) > self.last
        ):
            self.line()

    def reached(self) -> tuple[str, int, int, str]:
        """Returns the pool's name, the number of images sampled, the number wanted, the unit."""
        images = sampled_images(self.path, self.request.k)
        return f"pool {self.request.spec.name}", images, self.total, "images"

    def line(self) -> None:
        """Prints a line such as `pool NAME: 2,048 of 3,000 images sampled, about 4 min left`."""
        self.line_at, self.last = time.monotonic(), sampled_images(self.path, self.request.k)
        new, left = self.last - self.first, self.total - self.last
        after = f", about {duration((self.line_at - self.begun) * left / new)} left" if new else ""
        done = f"{self.last:,} of {self.total:,} images sampled"
        self.say(f"pool {self.request.spec.name}: {done}{after if left else ''}")
