"""Compares the amortization gap of all images at once with the obvious loop over images.

The loop takes one image at a time, uses the textbook form of the likelihood, and keeps the weights'
gradients on.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scaling.metrics.amortization import Settings
from scaling.metrics.best_q import optimize
from scaling.metrics.frozen import frozen
from scaling.models.vae import STD_FLOOR, VAE, build
from scaling.trial import VaeTrial
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

FASTER = 3.0
MIXTURES = 10
WIDTHS = (8, 64)
IMAGES, STEPS = 100, 3
ALONE = 4  # images of the slow loop, whose cost per image is constant
ROUNDS = 5


def measure() -> list[Result]:
    """Measures milliseconds per image and step: medians of interleaved rounds, one thread."""
    return [_at_width(n_c) for n_c in WIDTHS]


def _at_width(n_c: int) -> Result:
    torch.manual_seed(0)
    vae = build(VaeTrial("cifar10", n_c=n_c), 3, 32, 256).to(memory_format=torch.channels_last)
    x = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    settings = Settings(steps=STEPS)
    vae.eval()
    with torch.no_grad():
        q = vae.encode(x)

    def at_once() -> None:
        with frozen(vae):
            optimize(vae, x, q, settings)

    ours, baseline = interleaved(at_once, lambda: one_by_one(vae, x[:ALONE]), rounds=ROUNDS)
    ours, baseline = 1000 * ours / (IMAGES * STEPS), 1000 * baseline / (ALONE * STEPS)
    name = f"q* of {IMAGES} images, n_c {n_c}"
    return Result(name, baseline / ours, FASTER, ours, baseline, "ms/image/step")


def one_by_one(vae: VAE, images: Tensor) -> None:
    """Takes a few steps on each image's own mean and rho."""
    for x in images.split(1):
        scaled = x.float() / 255
        with torch.no_grad():
            mean, rho = (nn.Parameter(half) for half in vae.encoder(scaled).chunk(2, 1))
        adam = torch.optim.Adam([mean, rho], lr=0.03)
        for _ in range(STEPS):
            std = F.softplus(rho) + STD_FLOOR
            z = mean + std * torch.randn_like(std)
            kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum()
            adam.zero_grad()
            (kl - textbook(vae.decoder(z), 2 * scaled - 1)).backward()
            adam.step()


def textbook(params: Tensor, x: Tensor) -> Tensor:
    """Returns the mixture's log-likelihood of colours in [-1, 1], by density for tiny masses."""
    batch, _, height, width = x.shape
    rest = params[:, MIXTURES:].reshape(batch, 3, 3, MIXTURES, height, width)
    means, log_scales, c = rest[:, :, 0], rest[:, :, 1].clamp(min=-7), torch.tanh(rest[:, :, 2])
    x = x.unsqueeze(2)
    green = means[:, 1] + c[:, 0] * x[:, 0]
    blue = means[:, 2] + c[:, 1] * x[:, 0] + c[:, 2] * x[:, 1]
    centred = x - torch.stack([means[:, 0], green, blue], 1)
    inverse = torch.exp(-log_scales)
    upper, lower = inverse * (centred + 1 / 255), inverse * (centred - 1 / 255)
    mass = torch.sigmoid(upper) - torch.sigmoid(lower)
    middle = inverse * centred
    density = middle - log_scales - 2 * F.softplus(middle) - math.log(127.5)
    inner = torch.where(mass > 1e-5, mass.clamp(min=1e-12).log(), density)
    right = torch.where(x > 0.999, -F.softplus(lower), inner)
    levels = torch.where(x < -0.999, upper - F.softplus(upper), right)
    return torch.logsumexp(levels.sum(1) + F.log_softmax(params[:, :MIXTURES], 1), 1).sum()
