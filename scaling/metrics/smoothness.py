"""Measures the smoothness of the latent space (section 5.3, Fig 3) over pairs of test images.

On the line z_a = a z_0 + (1 - a) z_1 between the latent means of two images, log q(z_a | x~_a) is
the log density, in nats, that the encoder gives to z_a for the reconstruction x~_a of z_a.
"""

import json
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.vae import VAE
from scaling.seeds import seeded
from scaling.trial.bounds import AtLeastTwo, Count, WholeNumber
from scaling.trial.validation import Validated

COLUMNS = ("roughness", "interpolation_log_q")
CURVES = ("interpolation_mean", "interpolation_first")  # mean over pairs; the first pair
PAIR_SEED = 0  # the same pairs for all models
BATCH = 512


@dataclass(frozen=True)
class Settings(Validated):
    """Holds the options of the interpolation."""

    pairs: Count = 100
    points: AtLeastTwo = 101  # points on each line, including its ends
    samples: WholeNumber = 0  # number of reconstructions to average over; 0: the mean of p(x|z)


DEFAULT = Settings()


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns means over pairs of sum |log q(a_i+1) - log q(a_i)| and of log q, in nats.

    The CURVES are log q at every a from 0 to 1, as JSON lists. The arrays are `smoothness_alpha`
    (points,) and `smoothness_log_q` (pairs, points).
    """
    if len(subject.test) < 2:
        return {"smoothness_absent": "a pair needs two test images"}, {}
    first, second = pairs(len(subject.test), settings.pairs)
    with seeded(subject.device, subject.trial.stream, subject.epoch, "smoothness"):
        values = log_q(subject.vae, subject.test[first], subject.test[second], settings)
    roughness = values.diff(dim=1).abs().sum(1).mean().item()
    alpha = np.linspace(0, 1, settings.points)
    arrays = {"smoothness_alpha": alpha, "smoothness_log_q": values.cpu().numpy()}
    numbers = {"roughness": roughness, "interpolation_log_q": values.mean().item()}
    curves = (_listed(values.mean(0)), _listed(values[0]))
    return numbers | dict(zip(CURVES, curves, strict=True)), arrays


def _listed(values: Tensor) -> str:
    return json.dumps([float(f"{value:.6g}") for value in values.tolist()])


def pairs(images: int, count: int) -> tuple[list[int], list[int]]:
    """Returns the positions of x_0 and of x_1, two different images for each pair."""
    rng = np.random.default_rng(PAIR_SEED)
    result = [rng.choice(images, 2, replace=False).tolist() for _ in range(count)]
    return [pair[0] for pair in result], [pair[1] for pair in result]


@torch.no_grad()
def log_q(vae: VAE, x0: Tensor, x1: Tensor, settings: Settings = DEFAULT) -> Tensor:
    """Returns log q(z_a | x~_a), summed over latents, for images (P, C, H, W): (P, points).

    a = 0 is x1, and a = 1 is x0.
    """
    with frozen(vae):
        ends = [torch.cat([vae.encode(x).mean for x in xs.split(BATCH)]) for xs in (x0, x1)]
        alpha = torch.linspace(0, 1, settings.points, device=x0.device, dtype=vae.dtype)
        alpha = alpha.view(1, -1, *[1] * (ends[0].dim() - 1))
        z = (alpha * ends[0][:, None] + (1 - alpha) * ends[1][:, None]).flatten(0, 1)
        values = [_log_q(vae, part, settings.samples) for part in z.split(BATCH)]
    return torch.cat(values).view(len(x0), settings.points)


def _log_q(vae: VAE, z: Tensor, samples: int) -> Tensor:
    p = vae.decode(z)
    images = [p.sample() for _ in range(samples)] or [p.mean]
    return torch.stack([vae.encode(x).log_prob(z) for x in images]).mean(0)
