"""Measures the quality of reconstructions (Table 11 RC) by the peak signal-to-noise ratio.

PSNR = 10 log10(1 / MSE) in dB, for images in [0, 1], with one MSE over all images.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.likelihoods import quantize
from scaling.seeds import seeded
from scaling.trial.bounds import Count
from scaling.trial.validation import Validated

COLUMNS = ("psnr_mean", "psnr_sample")
BATCH = 512
SHOWN = 16


@dataclass(frozen=True)
class Settings(Validated):
    """Holds the options of the reconstructions."""

    images: Count | None = None  # number of test images, from the first one on; None: all

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns the number of images that are measured."""
        return {"images": len(subject.test[: self.images])}


DEFAULT = Settings()


@torch.no_grad()
def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns PSNRs of the mean of p(x|z) and of a sample (the paper's choice), z the mean of q.

    Neither image is rounded to levels. The array has the first samples as levels, for pictures.
    """
    images = subject.test[: settings.images]
    errors = {"psnr_mean": 0.0, "psnr_sample": 0.0}
    pictures: list[np.ndarray] = []
    with seeded(subject.device, subject.trial.stream, subject.epoch, "psnr"), frozen(subject.vae):
        for x in images.split(BATCH):
            p = subject.vae.decode(subject.vae.encode(x).mean)
            sample, target = p.sample(), x.to(subject.vae.dtype) / (subject.vae.levels - 1)
            errors["psnr_mean"] += (p.mean - target).double().square().sum().item()
            errors["psnr_sample"] += (sample - target).double().square().sum().item()
            pictures = pictures or [quantize(sample[:SHOWN], subject.vae.levels).cpu().numpy()]
    # The PSNR of reconstructions without any error is infinite, so it is left out.
    decibels = {name: psnr(e / images.numel()) for name, e in errors.items() if e > 0}
    return {**decibels}, {"reconstruction_samples": pictures[0]}


def psnr(mse: float) -> float:
    """Returns the PSNR in dB for a mean squared error of images in [0, 1]."""
    return -10 * math.log10(mse)
