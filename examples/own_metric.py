"""Adds a metric of your own: how far a reconstruction is from its image, in levels.

    scaling-vae evaluate --module examples/own_metric.py --metric level_error \
        --results results --setting images=100

A metric is a module: COLUMNS names the numbers that it measures, Settings has its options, and
`measure` returns numbers for the row and arrays for pictures. EXTRA gives the metric its name.
"""

import sys
from dataclasses import dataclass

import numpy as np
import torch

from scaling.metrics import EXTRA
from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.trial.validation import Validated

COLUMNS = ("level_error",)


@dataclass(frozen=True)
class Settings(Validated):
    """The options of the metric, as in `--setting images=100`."""

    images: int | None = None  # how many test images are measured, from the first; None: all

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns the options that change the numbers, as they are used; rows name other ones.

        Without this method all options count.
        """
        return {"images": len(subject.test[: self.images])}


@torch.no_grad()
def measure(subject: Subject, settings: Settings) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Returns the mean distance, in levels, of test images from the means of p(x|z).

    z is the mean of q(z|x).
    """
    vae, x = subject.vae, subject.test[: settings.images]
    with frozen(vae):
        mean = vae.decode(vae.encode(x).mean).mean
    errors = (mean * (vae.levels - 1) - x).abs()
    return {"level_error": errors.mean().item()}, {}


EXTRA["level_error"] = sys.modules[__name__]
