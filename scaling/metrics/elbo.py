"""Measures the ELBO on train, test and source images and the generalization gap (Eq. 2, 3)."""

import math

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.vae import VAE, elbo, prior
from scaling.seeds import seeded
from scaling.trial import NORMAL

EVAL_BATCH = 512


def measure(subject: Subject) -> dict[str, float]:
    """Returns ELBOs, KL divergences and the gap in nats per image, with BatchNorm in eval mode.

    `source_elbo` is the ELBO of the epoch's training images. Raises FloatingPointError if a number
    is not finite, because a row never contains a NaN.
    """
    train = _evaluate(subject, subject.train, "train")
    test = _evaluate(subject, subject.test, "test")
    real = subject.trial.source == NORMAL
    source = train if real else _evaluate(subject, subject.source_images(), "source")
    pixels = subject.test[0].numel()
    row = {
        "train_elbo": train["elbo"],
        "test_elbo": test["elbo"],
        "source_elbo": source["elbo"],
        "generalization_gap": train["elbo"] - test["elbo"],
        "train_kl": train["kl"],
        "test_kl": test["kl"],
        "train_reconstruction": train["elbo"] + train["kl"],
        "test_reconstruction": test["elbo"] + test["kl"],
        "test_bits_per_dim": -test["elbo"] / (pixels * math.log(2)),
    }
    if subject.validation is not None:
        row["validation_elbo"] = _evaluate(subject, subject.validation, "validation")["elbo"]
    not_finite = [name for name, value in row.items() if not math.isfinite(value)]
    if not_finite:
        raise FloatingPointError(
            f"{not_finite[0]} is not finite in epoch {subject.epoch}; "
            f"a smaller lr (now {subject.trial.lr}) or grad_clip may help"
        )
    return row


def _evaluate(subject: Subject, images: Tensor, part: str) -> dict[str, float]:
    with seeded(subject.device, subject.trial.stream, subject.epoch, "elbo", part):
        return mean_elbo(subject.vae, images)


@torch.no_grad()
def mean_elbo(vae: VAE, images: Tensor) -> dict[str, float]:
    """Returns the mean ELBO and KL over the images in nats, with one z per image, in eval mode."""
    elbos, kls = [], []
    with frozen(vae):
        for x in images.split(EVAL_BATCH):
            q = vae.encode(x)
            elbos.append(elbo(vae, vae.as_levels(x), q))
            kls.append(kl_divergence(q, prior(q)))
    return {"elbo": _mean(elbos), "kl": _mean(kls)}


def _mean(values: list[Tensor]) -> float:
    return torch.cat(values).double().mean().item()
