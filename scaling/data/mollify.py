"""Implements data mollification (Appendix B.6; Tran et al. 2022): noise that decays in training.

With images on [-1, 1], x_t = sqrt(1 - gamma) x + sqrt(gamma) eps, eps ~ N(0, I). gamma falls from
1 to 0 along a sigmoid over the steps of the first epochs; later images are clean.
"""

import torch
from torch import Tensor

from scaling.seeds import derive
from scaling.trial import VaeTrial

START, END, TEMPERATURE = 0.0, 3.0, 0.7  # parameters of the sigmoid schedule
GAMMA_MIN = 1e-9
PIECE = 4096  # images processed at a time, which limits the memory for noise


def gamma(t: Tensor) -> Tensor:
    """Returns the share of noise in the variance at progress t in [0, 1]."""
    first, last = (torch.sigmoid(torch.tensor(x / TEMPERATURE).double()) for x in (START, END))
    now = torch.sigmoid((t.double() * (END - START) + START) / TEMPERATURE)
    return ((last - now) / (last - first)).clamp(GAMMA_MIN, 1.0)


def mollified(trial: VaeTrial, images: Tensor, levels: int, epoch: int) -> Tensor:
    """Adds the noise of their training step to an epoch's images (N, C, H, W), in training order.

    The result is levels for a mixture and for a Bernoulli, unclipped floats for a Gaussian, and
    floats in [0, 1] for a Bernoulli without `requantise`.
    """
    steps = -(-len(images) // trial.batch)
    step = (epoch - 1) * steps + torch.arange(len(images), device=images.device) // trial.batch
    share = gamma(step / (trial.source.mollify_epochs * steps))
    generator = torch.Generator(images.device)
    generator.manual_seed(derive(trial.stream, epoch, "mollify"))
    pieces = zip(images.split(PIECE), share.split(PIECE), strict=True)
    return torch.cat([_noisy(trial, x, levels, s, generator) for x, s in pieces])


def _noisy(
    trial: VaeTrial, images: Tensor, levels: int, share: Tensor, generator: torch.Generator
) -> Tensor:
    x = images / (levels - 1) if images.dtype == torch.uint8 else images
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    share = share.to(x.dtype).view(-1, 1, 1, 1)
    unit = ((1 - share).sqrt() * (2 * x - 1) + share.sqrt() * noise + 1) / 2
    if trial.likelihood_entry.floats == "always":
        return unit
    unit = unit.clamp(0, 1)
    return (unit * (levels - 1)).round().to(torch.uint8) if trial.source.requantise else unit
