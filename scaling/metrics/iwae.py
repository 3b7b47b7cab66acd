"""Measures a tighter lower bound of log p(x) than the ELBO: IWAE (Burda et al. 2016).

IWAE_K = E[log (1/K) sum_k w_k], w_k = p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x) of the encoder, in
nats per image. IWAE_1 is the ELBO; IWAE_K never decreases with K and converges to log p(x).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent

from scaling.errors import UsageError
from scaling.metrics.best_q import AT_ONCE, join, pieces
from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.vae import VAE, diagonal_normal, prior
from scaling.seeds import seeded
from scaling.trial.bounds import Count
from scaling.trial.validation import Validated

COLUMNS = ("iwae_1", "iwae_100", "iwae_1000", "iwae_images")
BOUNDS = (1, 100, 1000)


@dataclass(frozen=True)
class Settings(Validated):
    """Holds the options of the bound."""

    n_images: Count = 1000  # number of test images, from the first one on
    draws: Literal[100, 1000] = 1000  # draws of z per image, the largest K

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns the number of draws; that of images has a column of its own."""
        return {"draws": self.draws}


DEFAULT = Settings()


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns means of IWAE_K over the images, for K = 1, 100 and 1000 up to the draws."""
    x = subject.test[: settings.n_images]
    with seeded(subject.device, subject.trial.stream, subject.epoch, "iwae"):
        weights = log_weights(subject.vae, x, settings.draws)
    row: dict[str, float | str] = {
        f"iwae_{k}": bound(weights, k).mean().item() for k in BOUNDS if k <= settings.draws
    }
    return row | {"iwae_images": len(x)}, {}


@torch.no_grad()
def log_weights(vae: VAE, x: Tensor, draws: int) -> Tensor:
    """Returns log w of each draw, (N, draws) float64, for levels x (N, C, H, W).

    PyTorch's generator draws z once for all images, then again. Few images are decoded with
    several draws at a time, many images in pieces that fit the memory; the result is the same.
    """
    log_w = torch.empty(len(x), draws, dtype=torch.float64, device=x.device)
    together = max(1, AT_ONCE.get(x.device.type, AT_ONCE["cpu"]) // x.numel())
    with frozen(vae):
        q = join([vae.encode(x[piece]) for piece in pieces(x)])
        for start in range(0, draws, together):
            count = min(together, draws - start)
            noise = torch.stack([torch.randn_like(q.mean) for _ in range(count)])
            for piece in pieces(x):
                part = diagonal_normal(q.mean[piece], q.stddev[piece])
                weights = _of(vae, x[piece], part, noise[:, piece])
                log_w[piece, start : start + count] = weights.T
    return log_w


def _of(vae: VAE, x: Tensor, q: Independent, noise: Tensor) -> Tensor:
    """Returns log w, (draws, B) float64, at z = mean + std * noise of shape (draws, B, ...)."""
    z = q.mean + q.stddev * noise
    images = x.expand(len(noise), *x.shape).flatten(0, 1)
    reconstruction = vae.decode(z.flatten(0, 1)).log_prob(images).double().view(len(noise), -1)
    return reconstruction + prior(q).log_prob(z).double() - q.log_prob(z).double()


def bound(log_weights: Tensor, k: int) -> Tensor:
    """Returns IWAE_k per image, (N,), from log weights (N, draws): a mean over groups of k draws.

    Raises UsageError for fewer than k draws.
    """
    groups = log_weights.shape[1] // k
    if not groups:
        raise UsageError(
            f"IWAE_{k} needs {k} draws, and there are {log_weights.shape[1]}. Give more draws."
        )
    grouped = log_weights[:, : groups * k].view(-1, groups, k)
    return (grouped.logsumexp(2) - math.log(k)).mean(1)
