"""Measures the robustness gap (Eq. 5, Appendix A): reconstructions change more than inputs.

Attacked inputs and their reconstructions are compared with the clean ones; the gap is the
similarity of the inputs minus that of the reconstructions.
"""

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from scaling.metrics.attack import GREY, RGB, Strength, attack, symmetric_kl
from scaling.metrics.frozen import frozen
from scaling.metrics.ms_ssim import ms_ssim
from scaling.metrics.subject import Subject
from scaling.models.likelihoods import Likelihood, quantize
from scaling.models.vae import VAE
from scaling.seeds import seeded
from scaling.trial.bounds import Count, Positive
from scaling.trial.validation import Validated

COLUMNS = (
    "robustness_gap",
    "ms_ssim_input",
    "ms_ssim_reconstruction",
    "symmetric_kl",
    "robustness_gap_sample",
    "ms_ssim_reconstruction_sample",
    "robustness_images",
)
INITIAL_STD = 0.2  # of the perturbations before their projection
CANDIDATES, REFERENCE_SEED = 1024, 1234  # number of test images, from which references are drawn
AT_ONCE = 512  # images attacked at a time, which limits the memory
SHOWN = 16


@dataclass(frozen=True)
class Settings(Validated):
    """Holds the options of the attack; None: the value of Table 2 for grey or RGB images."""

    n_ref: Count | None = None
    n_attack: Count | None = None  # all are averaged
    n_steps: Count | None = None
    eta: Positive | None = None
    delta: Positive | None = None
    grad: Literal["raw", "sign", "l2"] = "raw"
    msssim: Literal["kuzina", "standard"] = "kuzina"

    def strength(self, channels: int) -> Strength:
        """Returns Table 2 for images with that many channels, changed by these options."""
        changes = {name: value for name, value in asdict(self).items() if value is not None}
        del changes["msssim"]
        return replace(GREY if channels == 1 else RGB, **changes)

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns the attack's options; images and MS-SSIM have columns of their own."""
        strength = asdict(self.strength(subject.data.channels))
        return {name: value for name, value in strength.items() if name != "n_ref"}


DEFAULT = Settings()


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns means over references and restarts, in eval mode, and pictures of the first restart.

    `robustness_gap` compares means of p(x|z), `robustness_gap_sample` samples, both at the same z.
    Pictures are uint8 (16, C, H, W) with 256 levels, whatever the data have.
    """
    strength = settings.strength(subject.data.channels)
    chosen, how = references(len(subject.test), subject.data.test_labels, strength.n_ref)
    vae, device = subject.vae, subject.device
    x = subject.test[torch.from_numpy(chosen).to(device)].to(vae.dtype) / (vae.levels - 1)
    with seeded(device, subject.trial.stream, subject.epoch, "robustness"), frozen(vae):
        attacked = attacks(vae, x, strength)
        pairs, pictures = compare(vae, x, attacked, settings.msssim)
    row: dict[str, float | str] = {name: v.double().mean().item() for name, v in pairs.items()}
    inputs = pairs["ms_ssim_input"]
    for suffix in ("", "_sample"):
        loss = inputs - pairs[f"ms_ssim_reconstruction{suffix}"]
        row[f"robustness_gap{suffix}"] = loss.double().mean().item()
    row |= {"robustness_images": len(x), "robustness_variant": settings.msssim}
    row["robustness_references"] = how
    return row, {name: _picture(images) for name, images in pictures.items()}


def references(images: int, labels: np.ndarray | None, wanted: int) -> tuple[np.ndarray, str]:
    """Selects the attacked test images; returns their positions and the method.

    The method is `stratified` by class, `unstratified`, or `all` if there are no more.
    """
    from sklearn.model_selection import train_test_split

    candidates = np.arange(min(images, CANDIDATES))
    if wanted >= len(candidates):
        return candidates, "all"
    classes = None if labels is None or len(labels) < images else labels[: len(candidates)]
    if classes is not None:
        members = np.unique(classes, return_counts=True)[1]
        if members.min() < 2 or len(members) > min(wanted, len(candidates) - wanted):
            classes = None
    _, chosen = train_test_split(
        candidates, test_size=wanted, stratify=classes, random_state=REFERENCE_SEED
    )
    return chosen, "unstratified" if classes is None else "stratified"


def attacks(vae: VAE, x: Tensor, strength: Strength) -> Tensor:
    """Attacks every reference x at every restart; returns (n_attack, B, C, H, W)."""
    shape = (strength.n_attack, *x.shape)
    initial = INITIAL_STD * torch.randn(shape, dtype=x.dtype, device=x.device)
    clean = x.expand(shape).flatten(0, 1).split(AT_ONCE)
    starts = initial.flatten(0, 1).split(AT_ONCE)
    parts = [attack(vae, a, b, strength) for a, b in zip(clean, starts, strict=True)]
    return torch.cat(parts).view(shape)


@torch.no_grad()
def compare(
    vae: VAE, x: Tensor, attacked: Tensor, variant: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Computes each term of Eq. 5 for every pair, (n_attack, B), and images of the first restart.

    A reference has one reconstruction, which all its restarts share.
    """
    q = vae.encode(x)
    p = vae.decode(q.sample())
    mean, sample = p.mean, _sample(p, vae)
    terms, reconstructions = [], []
    for restart in attacked:
        q_attacked = vae.encode(restart)
        p_attacked = vae.decode(q_attacked.sample())
        reconstructions.append(p_attacked.mean)
        terms.append(
            {
                "ms_ssim_input": ms_ssim(x, restart, variant),
                "ms_ssim_reconstruction": ms_ssim(mean, p_attacked.mean, variant),
                "ms_ssim_reconstruction_sample": ms_ssim(sample, _sample(p_attacked, vae), variant),
                "symmetric_kl": symmetric_kl(q_attacked, q),
            }
        )
    pairs = {name: torch.stack([term[name] for term in terms]) for name in terms[0]}
    pictures = {
        "attack_references": x,
        "attack_reference_reconstructions": mean,
        "attacked_images": attacked[0],
        "attacked_reconstructions": reconstructions[0],
    }
    return pairs, pictures


def _sample(p: Likelihood, vae: VAE) -> Tensor:
    """Draws a sample, rounded to levels, as floats in [0, 1]."""
    return quantize(p.sample(), vae.levels).to(vae.dtype) / (vae.levels - 1)


def _picture(images: Tensor) -> np.ndarray:
    return quantize(images[:SHOWN], 256).cpu().numpy()
