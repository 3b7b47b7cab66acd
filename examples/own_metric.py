"""A metric of your own: how far a reconstruction is from its image, in levels.

python studies/evaluate.py --module examples/own_metric.py --metric level_error \
    --results results --setting images=100

A metric is a module: COLUMNS are the numbers that it makes, Settings its options, and `measure`
returns numbers for the row and arrays for pictures. What the table calls it, EXTRA says.
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
    """Options, typed: `--setting images=100`."""

    images: int | None = None  # of the test set, from its first on; None: all


@torch.no_grad()
def measure(subject: Subject, settings: Settings) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The mean distance between a test image and the mean of p(x|z) at the mean of q(z|x)."""
    vae, x = subject.vae, subject.test[: settings.images]
    with frozen(vae):
        mean = vae.decode(vae.encode(x).mean).mean
    errors = (mean * (vae.levels - 1) - x).abs()
    return {"level_error": errors.mean().item()}, {}


EXTRA["level_error"] = sys.modules[__name__]
