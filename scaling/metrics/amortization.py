"""The amortization gap (Eq. 4): what the test ELBO gains when q is optimized for each image.

q* maximizes the ELBO by Adam with the decoder frozen; the gap is estimated with the same draws for
q* and the encoder's q.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from scaling.errors import UsageError
from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.vae import STD_FLOOR, VAE, diagonal_normal, elbo, prior
from scaling.seeds import seeded
from scaling.trial.validation import Validated

COLUMNS = (
    "amortization_gap",
    "optimal_elbo",
    "encoder_elbo",
    "amortization_images",
    "amortization_steps",
)
Shape = torch.Size | list[int] | tuple[int, ...]
# Values of images that go through the decoder together: those on a CPU stay in its cache, those on
# a GPU fill it and its memory holds them. The result does not depend on it.
AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 20}
LR = {"per_image": 3e-2, "encoder_finetune": 1e-4}
WINDOW, PATIENCE = 100, 10  # Cremer et al. 2018: windows of steps without improvement
STEPS_MAX = 30_000  # of Cremer's rule


@dataclass(frozen=True)
class Settings(Validated):
    """Options of Eq. 4, which the paper leaves open."""

    n_images: int = 1000  # the first of the test set
    steps: int = 300
    lr: float | None = None  # None: that of the variant
    mc_train: int = 1  # draws in a step
    mc_eval: int = 64
    init: Literal["encoder", "prior"] = "encoder"
    stop: Literal["fixed", "cremer"] = "fixed"  # after `steps`, or when the mean ELBO stays
    variant: Literal["per_image", "encoder_finetune"] = "per_image"
    clip_nonneg: bool = False  # an image's ELBO* is at least its ELBO

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_images", "steps", "mc_train", "mc_eval", "lr"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name}={value} is not positive. Leave it out for the default.")


DEFAULT = Settings()


@dataclass(frozen=True)
class Gap:
    """ELBOs of each image in nats, (N,), with the same draws; and the steps it took."""

    optimal: Tensor
    encoder: Tensor
    steps: int


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Means in nats per image, in eval mode; both ELBOs of every image as arrays."""
    x = subject.test[: settings.n_images]
    with seeded(subject.device, subject.trial.stream, subject.epoch, "amortization"):
        gap = amortization_gap(subject.vae, x, settings)
    row: dict[str, float | str] = {
        "amortization_gap": (gap.optimal - gap.encoder).mean().item(),
        "optimal_elbo": gap.optimal.mean().item(),
        "encoder_elbo": gap.encoder.mean().item(),
        "amortization_images": len(x),
        "amortization_steps": gap.steps,
    }
    arrays = {"optimal_elbos": gap.optimal, "encoder_elbos": gap.encoder}
    return row, {name: values.float().cpu().numpy() for name, values in arrays.items()}


def amortization_gap(vae: VAE, x: Tensor, settings: Settings = DEFAULT) -> Gap:
    """Both terms of Eq. 4 for the images x; draws from PyTorch's generator."""
    with frozen(vae):
        q = _encode(vae, x)
        best, steps = optimize(vae, x, q, settings)
        encoder, optimal = estimate(vae, x, [q, best], settings.mc_eval)
    if settings.clip_nonneg:
        optimal = torch.maximum(optimal, encoder)
    return Gap(optimal, encoder, steps)


class PerImage(nn.Module):
    """q with a mean and a rho of its own for each image, std = softplus(rho)."""

    def __init__(self, q: Independent) -> None:
        super().__init__()
        self.mean = nn.Parameter(q.mean.clone())
        self.rho = nn.Parameter(_inverse_softplus(q.stddev))

    def forward(self, piece: slice) -> Independent:
        return diagonal_normal(self.mean[piece], F.softplus(self.rho[piece]) + STD_FLOOR)


class Finetuned(nn.Module):
    """q of a copy of the encoder, trained on the test images with BatchNorm in eval mode."""

    def __init__(self, vae: VAE, x: Tensor) -> None:
        super().__init__()
        self.vae, self.x = copy.deepcopy(vae), x
        self.vae.encoder.requires_grad_(True)

    def forward(self, piece: slice) -> Independent:
        return self.vae.encode(self.x[piece])


def optimize(vae: VAE, x: Tensor, q: Independent, settings: Settings) -> tuple[Independent, int]:
    """q* of all images at once, and the steps taken. Noise is drawn for all, then cut in pieces."""
    family: nn.Module
    if settings.variant == "per_image":
        family = PerImage(q if settings.init == "encoder" else prior(q))
    else:
        family = Finetuned(vae, x)
    trained = [parameter for parameter in family.parameters() if parameter.requires_grad]
    adam = torch.optim.Adam(trained, lr=settings.lr or LR[settings.variant])
    windows, steps = Windows(), 0
    limit = settings.steps if settings.stop == "fixed" else STEPS_MAX
    while steps < limit and not windows.exhausted:
        steps += 1
        adam.zero_grad(set_to_none=True)
        mean = _ascend(vae, x, family, _noise(q, settings.mc_train))
        adam.step()
        if settings.stop == "cremer":
            windows.add(mean.item())
    with torch.no_grad():
        parts = [family(piece) for piece in _pieces(x)]
    return _join(parts), steps


def _ascend(vae: VAE, x: Tensor, family: nn.Module, noise: Tensor) -> Tensor:
    """Gradients of minus the ELBO summed over images, averaged over draws; its mean."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for piece in _pieces(x):
        for draw in noise:
            value = elbo(vae, x[piece], drawn(family(piece), draw[piece])).sum() / len(noise)
            (-value).backward()
            total += value.detach()
    return total / len(x)


@torch.no_grad()
def estimate(vae: VAE, x: Tensor, qs: list[Independent], draws: int) -> list[Tensor]:
    """ELBOs of each image under each q, (N,) float64, averaged over draws that all q share."""
    totals = [torch.zeros(len(x), dtype=torch.float64, device=x.device) for _ in qs]
    for _ in range(draws):
        (noise,) = _noise(qs[0], 1)
        for q, total in zip(qs, totals, strict=True):
            for piece in _pieces(x):
                part = diagonal_normal(q.mean[piece], q.stddev[piece])
                total[piece] += elbo(vae, x[piece], drawn(part, noise[piece]))
    return [total / draws for total in totals]


class Windows:
    """The rule of Cremer et al.: more than PATIENCE windows in a row without a better mean."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.best, self.misses = -float("inf"), 0

    @property
    def exhausted(self) -> bool:
        return self.misses > PATIENCE

    def add(self, value: float) -> None:
        """Takes a step's mean ELBO."""
        self.values.append(value)
        if len(self.values) == WINDOW:
            mean = sum(self.values) / WINDOW
            self.misses = 0 if mean > self.best else self.misses + 1
            self.best = max(mean, self.best)
            self.values.clear()


class Drawn(Normal):
    """A normal whose sample is decided by noise that was drawn beforehand."""

    def __init__(self, mean: Tensor, std: Tensor, noise: Tensor) -> None:
        super().__init__(mean, std, validate_args=False)
        self.noise = noise

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self.mean + self.stddev * self.noise


def drawn(q: Independent, noise: Tensor) -> Independent:
    """q with its next sample at this noise, of the shape of its mean."""
    return Independent(Drawn(q.mean, q.stddev, noise), noise.dim() - 1, validate_args=False)


def _noise(q: Independent, draws: int) -> Tensor:
    shape = (draws, *q.mean.shape)
    return torch.randn(shape, dtype=q.mean.dtype, device=q.mean.device)


def _pieces(x: Tensor) -> Iterator[slice]:
    count = max(1, AT_ONCE.get(x.device.type, AT_ONCE["cpu"]) // x[0].numel())
    return (slice(start, start + count) for start in range(0, len(x), count))


def _encode(vae: VAE, x: Tensor) -> Independent:
    with torch.no_grad():
        return _join([vae.encode(x[piece]) for piece in _pieces(x)])


def _join(parts: list[Independent]) -> Independent:
    means, stds = zip(*((q.mean, q.stddev) for q in parts), strict=True)
    return diagonal_normal(torch.cat(means), torch.cat(stds))


def _inverse_softplus(y: Tensor) -> Tensor:
    """log(exp(y) - 1), without overflow for large y."""
    return y + torch.log(-torch.expm1(-y))
