"""A tighter lower bound of log p(x) than the ELBO: importance weighting (Burda et al. 2016).

IWAE_K = E[log (1/K) sum_k w_k], w_k = p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x) of the encoder.
IWAE_1 is the ELBO; IWAE_K never falls with K and tends to log p(x). In nats per image.
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
    """Options of the bound."""

    n_images: Count = 1000  # the first of the test set
    draws: Literal[100, 1000] = 1000  # of z for an image: the largest K


DEFAULT = Settings()


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Means of IWAE_K over the images, for K = 1, 100 and 1000, as far as there are draws."""
    x = subject.test[: settings.n_images]
    with seeded(subject.device, subject.trial.stream, subject.epoch, "iwae"):
        weights = log_weights(subject.vae, x, settings.draws)
    row: dict[str, float | str] = {
        f"iwae_{k}": bound(weights, k).mean().item() for k in BOUNDS if k <= settings.draws
    }
    return row | {"iwae_images": len(x)}, {}


@torch.no_grad()
def log_weights(vae: VAE, x: Tensor, draws: int) -> Tensor:
    """log w of each draw, (N, draws) float64, for levels x (N, C, H, W).

    z comes from PyTorch's generator, a draw at a time for all images. Few images go through the
    decoder with several draws at once, many in pieces that fit the memory: that changes nothing.
    """
    found = torch.empty(len(x), draws, dtype=torch.float64, device=x.device)
    together = max(1, AT_ONCE.get(x.device.type, AT_ONCE["cpu"]) // x.numel())
    with frozen(vae):
        q = join([vae.encode(x[piece]) for piece in pieces(x)])
        for start in range(0, draws, together):
            count = min(together, draws - start)
            noise = torch.stack([torch.randn_like(q.mean) for _ in range(count)])
            for piece in pieces(x):
                part = diagonal_normal(q.mean[piece], q.stddev[piece])
                weights = _of(vae, x[piece], part, noise[:, piece])
                found[piece, start : start + count] = weights.T
    return found


def _of(vae: VAE, x: Tensor, q: Independent, noise: Tensor) -> Tensor:
    """log w, (draws, B) float64, at z = mean + std * noise of shape (draws, B, ...)."""
    z = q.mean + q.stddev * noise
    images = x.expand(len(noise), *x.shape).flatten(0, 1)
    reconstruction = vae.decode(z.flatten(0, 1)).log_prob(images).double().view(len(noise), -1)
    return reconstruction + prior(q).log_prob(z).double() - q.log_prob(z).double()


def bound(log_weights: Tensor, k: int) -> Tensor:
    """IWAE_k of each image, (N,), from log weights (N, draws): the mean over groups of k draws."""
    groups = log_weights.shape[1] // k
    if not groups:
        raise UsageError(f"IWAE_{k} needs {k} draws, not {log_weights.shape[1]}. Draw more.")
    grouped = log_weights[:, : groups * k].view(-1, groups, k)
    return (grouped.logsumexp(2) - math.log(k)).mean(1)
