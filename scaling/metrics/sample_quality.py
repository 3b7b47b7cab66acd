"""Measures samples from the prior by Frechet Inception Distance and Inception Score.

Table 11 SQ and D.1 report both. With the features of real and sampled images taken as Gaussian,
FID = |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)); IS = exp E KL(p(y|x) || p(y)) over the
samples.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaling.errors import UsageError
from scaling.metrics.features import EXTRACTORS, Extractor, Missing
from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.full_float32 import full_float32
from scaling.models.likelihoods import quantize
from scaling.models.vae import VAE
from scaling.seeds import seeded
from scaling.trial.bounds import AtLeastTwo, Count
from scaling.trial.validation import Validated

COLUMNS = ("fid", "inception_score")
BATCH = 100
SHOWN = 64


@dataclass(frozen=True)
class Settings(Validated):
    """Holds the options of the samples and of the network that evaluates them."""

    extractor: Literal["auto", "inception", "classifier"] = "auto"  # Inception for RGB images
    weights: str | None = None  # file of Inception's weights; None: in PyTorch's cache
    samples: AtLeastTwo = 10_000  # number of samples from the prior
    images: AtLeastTwo = 10_000  # most test images
    splits: Count = 10  # parts of the samples whose Inception Scores are averaged
    rounding: Literal["nearest", "down"] = "nearest"  # of samples to levels

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < self.splits:
            raise UsageError(
                f"samples={self.samples} cannot be cut into splits={self.splits} parts. "
                "Give more samples or fewer splits."
            )

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns the options of images and scores; the extractor has a column of its own."""
        images = len(subject.test[: self.images])
        return {"images": images} | {n: getattr(self, n) for n in ("samples", "splits", "rounding")}


DEFAULT = Settings()


@torch.no_grad()
@full_float32()
def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns scores by the network in `sample_quality_extractor`, and the first samples as levels.

    `sample_quality_absent` is the reason if there are no scores.
    """
    name = settings.extractor
    if name == "auto":
        name = "inception" if subject.data.channels == 3 else "classifier"
    real_images = subject.test[: settings.images]
    try:
        if len(real_images) < 2:
            raise Missing("a covariance needs two test images")
        extract = EXTRACTORS[name](subject, settings.weights)
    except Missing as missing:
        few = replace(settings, samples=min(BATCH, settings.samples), splits=1)
        return {"sample_quality_absent": str(missing)}, _shown(_drawn(subject, few))
    samples, top = _drawn(subject, settings), subject.vae.levels - 1
    real, _ = extracted(extract, (x / top for x in real_images.split(BATCH)))
    generated, logits = extracted(extract, (x / top for x in samples.split(BATCH)))
    return {
        "fid": frechet_distance(*statistics(real), *statistics(generated)),
        "inception_score": inception_score(logits, settings.splits),
        "sample_quality_extractor": name,
    }, _shown(samples)


def _shown(samples: Tensor) -> dict[str, NDArray]:
    return {"prior_samples": samples[:SHOWN].cpu().numpy()}


def _drawn(subject: Subject, settings: Settings) -> Tensor:
    vae, seed = subject.vae, subject.trial.stream
    with seeded(subject.device, seed, subject.epoch, "sample_quality"), frozen(vae):
        return torch.cat(list(prior_samples(vae, subject.test[:1], settings)))


def prior_samples(vae: VAE, like: Tensor, settings: Settings) -> Iterator[Tensor]:
    """Yields batches of x ~ p(x|z), z ~ N(0, I), as levels; z has the shape of the z of `like`."""
    shape = vae.encode(like).mean.shape[1:]
    for start in range(0, settings.samples, BATCH):
        count = min(BATCH, settings.samples - start)
        z = torch.randn(count, *shape, device=like.device, dtype=vae.dtype)
        x = vae.decode(z).sample()
        if settings.rounding == "down":
            yield (x * (vae.levels - 1)).to(torch.uint8)
        else:
            yield quantize(x, vae.levels)


def extracted(extract: Extractor, batches: Iterable[Tensor]) -> tuple[NDArray, NDArray]:
    """Returns features (N, D) and logits (N, classes), float64, of all batches."""
    features, logits = zip(*(extract(x) for x in batches), strict=True)
    return torch.cat(features).cpu().double().numpy(), torch.cat(logits).cpu().double().numpy()


def statistics(features: NDArray) -> tuple[NDArray, NDArray]:
    """Returns mean (D,) and covariance (D, D) of features (N, D)."""
    return features.mean(0), np.cov(features, rowvar=False)


def frechet_distance(
    mean1: NDArray, covariance1: NDArray, mean2: NDArray, covariance2: NDArray
) -> float:
    """Returns the squared Wasserstein-2 distance of two Gaussians; covariances may be singular."""
    # The trace of (S1 S2)^(1/2) is that of the symmetric (S1^(1/2) S2 S1^(1/2))^(1/2).
    values, vectors = np.linalg.eigh(covariance1)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    inner = np.linalg.eigvalsh(root @ covariance2 @ root)
    cross = np.sqrt(np.maximum(inner, 0)).sum()
    shift = ((mean1 - mean2) ** 2).sum()
    return float(shift + np.trace(covariance1) + np.trace(covariance2) - 2 * cross)


def inception_score(logits: NDArray, splits: int = 10) -> float:
    """Returns the mean of exp E KL(p(y|x) || p(y)) over equal parts, from 1 to the class count."""
    logits = logits - logits.max(1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    scores = []
    for part in np.array_split(log_p, splits):
        marginal = np.exp(part).mean(0)
        scores.append(np.exp((np.exp(part) * (part - np.log(marginal))).sum(1).mean()))
    return float(np.mean(scores))
