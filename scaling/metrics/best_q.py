"""Finds q*, the q of each image that maximizes the ELBO for a fixed decoder (Eq. 4).

Four measures keep the result from being too low in wide latents and for sharp posteriors, at the
cost of the plain method (one pass through the decoder for each draw):

- Steps are in units of q's standard deviation, which starts as the encoder's: a mean moves by
  rate * std * Adam(std * gradient), and log std with a quarter of that rate. The epsilon of Adam, 1
  nat per standard deviation, keeps small gradients from being enlarged to a full step.
- The rate decays to 0 as a cosine.
- The gradient is that of log p(x, z) - log q(z) along z = mean + std * noise only: the part through
  q's parameters in log q has mean 0 and is left out, so that no noise remains when q is the
  posterior (Roeder et al. 2017, "Sticking the landing"). Every second step uses the negated draws
  of the step before.
- q* is the mean of the iterates (means, log stds) of the last half, weighted by 1, 2, 3, ...
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Independent

from scaling.metrics.q_families import Family, Finetuned, PerImage
from scaling.models.cuda_graph import replayed, set_rate
from scaling.models.vae import VAE, Decoder, diagonal_normal, prior
from scaling.trial.bounds import Count, Positive
from scaling.trial.validation import Validated

# Values of the images that are decoded together: on a CPU they fit its cache, on a GPU they occupy
# it and fit its memory. The result does not depend on it.
AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 20}
LR = {"per_image": 0.4, "encoder_finetune": 1e-4}
TAIL = 0.5  # share of the steps, at the end, whose iterates are averaged
WINDOW, PATIENCE = 100, 10  # Cremer et al. 2018: steps in a window, windows without improvement
STEPS_MAX = 30_000  # most steps under Cremer's rule


@dataclass(frozen=True)
class Search(Validated):
    """Holds the options of the search for q*."""

    steps: Count = 300
    lr: Positive | None = None  # None: that of the variant; per_image in units of q's std
    mc_train: Count = 1  # draws per step
    init: Literal["encoder", "prior"] = "encoder"
    stop: Literal["fixed", "cremer"] = "fixed"  # cremer: his rule at a constant rate, then `steps`
    variant: Literal["per_image", "encoder_finetune"] = "per_image"


def optimize(vae: VAE, x: Tensor, q: Independent, search: Search) -> tuple[Independent, int]:
    """Returns q* of the images x (N, C, H, W) and the number of steps; q is the encoder's.

    PyTorch's generator draws for all images before these are cut into pieces. With stop=cremer,
    steps at a constant rate precede the `steps` with a decaying rate, until Cremer's rule holds.
    """
    family = _family(vae, x, q, search)
    ascent = Ascent(vae, x, family, q.mean.expand(search.mc_train, *q.mean.shape))
    before = _until_no_gain(ascent) if search.stop == "cremer" else 0
    rates = [float(group["lr"]) for group in family.optimizer.param_groups]
    first = math.floor((1 - TAIL) * search.steps)
    mean, total = [torch.zeros_like(value) for value in family.values()], 0
    for step in range(search.steps):
        decay = 0.5 * (1 + math.cos(math.pi * step / search.steps))
        for group, rate in zip(family.optimizer.param_groups, rates, strict=True):
            set_rate(group, decay * rate)
        ascent.step()
        if (weight := step + 1 - first) > 0:
            total += weight
            for average, value in zip(mean, family.values(), strict=True):
                average.lerp_(value, weight / total)
    family.assign(mean)
    with torch.no_grad():
        return join([family.q(piece) for piece in pieces(x)]), before + search.steps


def _family(vae: VAE, x: Tensor, q: Independent, search: Search) -> Family:
    lr = search.lr or LR[search.variant]
    if search.variant == "encoder_finetune":
        return Finetuned(vae, x, lr)
    return PerImage(q if search.init == "encoder" else prior(q), lr)


class Ascent:
    """Takes gradient steps, each with new draws or with the negated ones of the step before.

    `like` has the shape (draws, N, ...) and the dtype of the draws. On a GPU a CUDA graph replays
    the steps.
    """

    def __init__(self, vae: VAE, x: Tensor, family: Family, like: Tensor) -> None:
        self.vae, self.x, self.family = vae, x, family
        self.noise, self.taken = torch.empty_like(like), 0
        self.improve = replayed(self._improve, len(like), x.device)

    def step(self) -> Tensor:
        """Takes a step; returns the mean ELBO before it, in nats per image, float64.

        The result is valid until the next step.
        """
        self.noise = -self.noise if self.taken % 2 else torch.randn_like(self.noise)
        self.taken += 1
        return self.improve(self.noise)

    def _improve(self, noise: Tensor) -> Tensor:
        self.family.optimizer.zero_grad(set_to_none=True)
        value = self._ascend(noise)
        self.family.optimizer.step()
        self.family.settle()
        return value

    def _ascend(self, noise: Tensor) -> Tensor:
        """Accumulates the gradients of minus the sum of ELBOs; returns the mean ELBO."""
        total = torch.zeros((), dtype=torch.float64, device=self.x.device)
        for piece in pieces(self.x):
            for draw in noise:
                q = self.family.q(piece)
                value = path_elbo(self.vae, self.x[piece], q, draw[piece]).sum() / len(noise)
                (-value).backward()
                total += value.detach()
        return total / len(self.x)


def path_elbo(vae: Decoder, x: Tensor, q: Independent, noise: Tensor) -> Tensor:
    """Returns log p(x, z) - log q(z), (B,) nats, at z = mean + std * noise; gradients are by z."""
    mean, std = q.mean, q.stddev
    z = mean + std * noise
    fixed = diagonal_normal(mean.detach(), std.detach())
    return vae.decode(z).log_prob(x) + prior(fixed).log_prob(z) - fixed.log_prob(z)


def _until_no_gain(ascent: Ascent) -> int:
    """Takes steps at a constant rate until Cremer's rule or STEPS_MAX; returns their number."""
    windows = Windows()
    while ascent.taken < STEPS_MAX and not windows.exhausted:
        windows.add(ascent.step().item())
    return ascent.taken


class Windows:
    """Implements Cremer's rule: more than PATIENCE consecutive windows without a better mean."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.best, self.misses = -float("inf"), 0

    @property
    def exhausted(self) -> bool:
        """Returns True if the rule says to stop."""
        return self.misses > PATIENCE

    def add(self, value: float) -> None:
        """Adds the mean ELBO of a step."""
        self.values.append(value)
        if len(self.values) == WINDOW:
            mean = sum(self.values) / WINDOW
            self.misses = 0 if mean > self.best else self.misses + 1
            self.best = max(mean, self.best)
            self.values.clear()


def pieces(x: Tensor) -> Iterator[slice]:
    """Yields slices of images that are decoded together."""
    count = max(1, AT_ONCE.get(x.device.type, AT_ONCE["cpu"]) // x[0].numel())
    return (slice(start, start + count) for start in range(0, len(x), count))


def join(parts: list[Independent]) -> Independent:
    """Concatenates the q of several pieces to one q of all images."""
    means, stds = zip(*((q.mean, q.stddev) for q in parts), strict=True)
    return diagonal_normal(torch.cat(means), torch.cat(stds))
