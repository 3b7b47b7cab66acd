"""Measures the amortization gap (Eq. 4): the gain in test ELBO when q is optimized for each image.

`best_q` searches q* with the decoder frozen; the ELBOs of q* and of the encoder's q are estimated
with the same draws. An imperfect search makes the gap too small, never too large: on
linear-Gaussian models, where the gap is known, by at most 0.5 nat or 3 % (tests/benchmarks/gap.py
has the table and the exception).
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, kl_divergence

from scaling.metrics.best_q import Search, join, optimize, pieces
from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.vae import VAE, diagonal_normal, prior
from scaling.seeds import seeded
from scaling.trial.bounds import Count

COLUMNS = (
    "amortization_gap",
    "optimal_elbo",
    "encoder_elbo",
    "amortization_images",
    "amortization_steps",
    "amortization_estimator",
)
# The estimator's version. Rows without it were measured by the first one, the last iterate of Adam
# at a constant rate of 0.03, which is low by 3 to 36 nats for wide latents and sharp posteriors.
ESTIMATOR = "annealed-1"


@dataclass(frozen=True)
class Settings(Search):
    """Holds the options of Eq. 4, which the paper leaves open."""

    n_images: Count = 1000  # number of test images, from the first one on
    mc_eval: Count = 64  # draws for each of the two ELBOs
    clip_nonneg: bool = False  # sets an image's optimal ELBO to at least its ELBO

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns nothing, since the estimator, images and steps have columns of their own."""
        return {}

    @property
    def estimator(self) -> str:
        """Returns the version and the changed options that affect the expected numbers.

        The numbers of images and of steps have columns of their own.
        """
        defaults = {field.name: field.default for field in fields(self)}
        same = {"n_images", "steps", "mc_eval"}
        changed = [
            n for n, default in defaults.items() if n not in same and getattr(self, n) != default
        ]
        return " ".join([ESTIMATOR, *(f"{name}={getattr(self, name)}" for name in changed)])


DEFAULT = Settings()


@dataclass(frozen=True)
class Gap:
    """Holds the ELBOs of each image in nats, (N,), from the same draws, and the number of steps."""

    optimal: Tensor
    encoder: Tensor
    steps: int


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns means in nats per image, in eval mode, and both ELBOs of every image as arrays."""
    x = subject.test[: settings.n_images]
    with seeded(subject.device, subject.trial.stream, subject.epoch, "amortization"):
        gap = amortization_gap(subject.vae, x, settings)
    row: dict[str, float | str] = {
        "amortization_gap": (gap.optimal - gap.encoder).mean().item(),
        "optimal_elbo": gap.optimal.mean().item(),
        "encoder_elbo": gap.encoder.mean().item(),
        "amortization_images": len(x),
        "amortization_steps": gap.steps,
        "amortization_estimator": settings.estimator,
    }
    arrays = {"optimal_elbos": gap.optimal, "encoder_elbos": gap.encoder}
    return row, {name: values.float().cpu().numpy() for name, values in arrays.items()}


def amortization_gap(vae: VAE, x: Tensor, settings: Settings = DEFAULT) -> Gap:
    """Estimates both terms of Eq. 4 for images x (N, C, H, W), drawing with PyTorch's generator."""
    with frozen(vae):
        q = _encode(vae, x)
        best, steps = optimize(vae, x, q, settings)
        encoder, optimal = estimate(vae, x, [q, best], settings.mc_eval)
    if settings.clip_nonneg:
        optimal = torch.maximum(optimal, encoder)
    return Gap(optimal, encoder, steps)


@torch.no_grad()
def estimate(vae: VAE, x: Tensor, qs: list[Independent], draws: int) -> list[Tensor]:
    """Estimates the ELBO of each image under each q, (N,) float64, by draws that all q share."""
    totals = [torch.zeros(len(x), dtype=torch.float64, device=x.device) for _ in qs]
    for _ in range(draws):
        noise = torch.randn_like(qs[0].mean)
        for q, total in zip(qs, totals, strict=True):
            for piece in pieces(x):
                part = diagonal_normal(q.mean[piece], q.stddev[piece])
                p = vae.decode(part.mean + part.stddev * noise[piece])
                total[piece] += p.log_prob(x[piece]) - kl_divergence(part, prior(part))
    return [total / draws for total in totals]


def _encode(vae: VAE, x: Tensor) -> Independent:
    with torch.no_grad():
        return join([vae.encode(x[piece]) for piece in pieces(x)])
