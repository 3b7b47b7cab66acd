"""Implements EDM (Karras et al. 2022, Appendix D): preconditioning, loss, averaging, Heun sampler.

Images x0 in [-1, 1] become x = x0 + sigma n with n ~ N(0, 1). A denoiser D(x, sigma) estimates
E[x0 | x], which gives the direction dx/dsigma = (x - D(x, sigma)) / sigma along which noise turns
into images.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from scaling.models.arithmetic import Arithmetic, networks_in, products_in
from scaling.models.unet import UNet
from scaling.trial import DiffusionTrial

SIGMA_DATA = 0.5  # standard deviation of images on [-1, 1] (Table 1 of Karras et al.)
LOG_SIGMA_MEAN, LOG_SIGMA_STD = -1.2, 1.2  # ln of noise levels in training (their Table 1)
STEPS, SIGMA_MIN, SIGMA_MAX, RHO = 18, 0.002, 80.0, 7.0  # of the sampler (their Tables 1 and 2)
EMA_RAMP = 0.05  # longest half-life of the averaged weights, as a share of the images seen
SAMPLE_BATCH = {"cpu": 32, "cuda": 256}  # on a CPU a batch that fits its caches is fastest
SEEDS = 2**32  # number of different seeds of an image
QKV_GAIN = {"mean_loss": 1.0, "published": math.sqrt(0.2)}  # of initial weights, by recipe

Denoise = Callable[[Tensor, Tensor], Tensor]


class Denoiser(nn.Module):
    """Computes D(x, sigma) = c_skip x + c_out F(c_in x, c_noise) from a network F.

    The factors give inputs and targets of F unit variance: with v = sigma^2 + sigma_data^2,
    c_skip = sigma_data^2 / v, c_out = sigma sigma_data / sqrt(v), c_in = 1 / sqrt(v), and
    c_noise = ln(sigma) / 4.
    """

    def __init__(self, network: nn.Module, sigma_data: float = SIGMA_DATA) -> None:
        super().__init__()
        self.network, self.sigma_data = network, sigma_data

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Estimates x0 (B, C, H, W) in float32 from x (B, C, H, W) and sigma, 0-d or (B,)."""
        x, sigma = x.float(), sigma.float().reshape(-1, 1, 1, 1)
        variance = sigma**2 + self.sigma_data**2
        c_skip = self.sigma_data**2 / variance
        c_out = sigma * self.sigma_data / variance.sqrt()
        c_in = 1 / variance.sqrt()
        c_noise = sigma.flatten().log() / 4
        return c_skip * x + c_out * self.network(c_in * x, c_noise).float()


def build(trial: DiffusionTrial, channels: int, side: int) -> Denoiser:
    """Returns the untrained denoiser of a trial for images (channels, side, side)."""
    network = UNet(
        channels, trial.channels, trial.multipliers, trial.blocks, trial.attention,
        trial.dropout, side, QKV_GAIN[trial.recipe],
    )  # fmt: skip
    return Denoiser(network)


def loss(denoiser: Denoiser, x: Tensor) -> Tensor:
    """Returns the weighted squared error per pixel, (B,), of images x at random noise levels.

    x (B, C, H, W) is in [-1, 1]; ln sigma ~ N(-1.2, 1.2^2). The weight
    (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 is 1 / c_out^2, which leaves the plain squared
    error of the network F.
    """
    return loss_at(denoiser, x, *with_noise(x))


def with_noise(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns images x (B, C, H, W) with noise at random levels, and the levels sigma (B,)."""
    log_sigma = LOG_SIGMA_MEAN + LOG_SIGMA_STD * torch.randn(len(x), device=x.device)
    sigma = log_sigma.exp()
    return x + sigma[:, None, None, None] * torch.randn_like(x), sigma


def loss_at(denoiser: Denoiser, x: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Returns the weighted squared error per pixel, (B,), of denoising `noisy` to the images x."""
    error = (denoiser(noisy, sigma) - x).square().flatten(1).mean(1)
    return error * (sigma**2 + denoiser.sigma_data**2) / (sigma * denoiser.sigma_data) ** 2


def ema_half_life(ema_images: float, images_seen: float) -> float:
    """Returns the half-life of averaged weights in images, short at first to forget the start."""
    return min(ema_images, EMA_RAMP * images_seen)


@torch.no_grad()
def update_average(
    average: Sequence[Tensor], weights: Sequence[Tensor], batch: int, half_life: float
) -> None:
    """Moves `average` towards `weights`; half of its old value is left after `half_life` images.

    Both are the parameters of networks of one kind, in one order.
    """
    decay = 0.5 ** (batch / half_life) if half_life > 0 else 0.0
    get_ema_multi_avg_fn(decay)([*average], [*weights], None)


def sigmas(
    steps: int = STEPS, sigma_min: float = SIGMA_MIN, sigma_max: float = SIGMA_MAX, rho: float = RHO
) -> Tensor:
    """Returns noise levels from sigma_max to sigma_min, equidistant in sigma^(1 / rho), then 0.

    They are float64 of shape (steps + 1,).
    """
    first, last = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    levels = torch.linspace(first, last, steps, dtype=torch.float64) ** rho
    return torch.cat([levels, torch.zeros(1, dtype=torch.float64)])


@torch.no_grad()
def heun_sample(
    denoiser: Denoise,
    noise: Tensor,
    steps: int = STEPS,
    sigma_min: float = SIGMA_MIN,
    sigma_max: float = SIGMA_MAX,
    rho: float = RHO,
) -> Tensor:
    """Computes images x0 from noise of unit variance with the deterministic second-order sampler.

    It calls `denoiser(x, sigma)` 2 steps - 1 times with a float64 x and a 0-d sigma; the last step,
    to sigma = 0, is an Euler step. Returns float64 of the shape of `noise`.
    """
    levels = sigmas(steps, sigma_min, sigma_max, rho).to(noise.device)
    x = noise.double() * levels[0]
    for index, (t_cur, t_next) in enumerate(pairwise(levels), 1):
        d_cur = (x - denoiser(x, t_cur)) / t_cur
        x_euler = x + (t_next - t_cur) * d_cur
        if index == steps:
            return x_euler
        d_next = (x_euler - denoiser(x_euler, t_next)) / t_next
        x = x + (t_next - t_cur) * (d_cur + d_next) / 2
    return x


def image_noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Draws unit-variance noise (N, *shape), for each image from its own seed alone."""
    generator = torch.Generator()
    noises = [torch.randn(shape, generator=generator.manual_seed(int(s) % SEEDS)) for s in seeds]
    return torch.stack(noises)


def from_levels(x: Tensor, levels: int) -> Tensor:
    """Converts levels 0 .. levels - 1 to floats in [-1, 1]."""
    return x.float() * (2 / (levels - 1)) - 1


def quantize(x: Tensor, levels: int) -> Tensor:
    """Rounds floats in [-1, 1] to the nearest levels, uint8.

    With 256 levels that is floor(127.5 x + 128), clipped to 0 .. 255.
    """
    scaled = (x + 1) * ((levels - 1) / 2) + 0.5
    return scaled.clamp(0, levels - 1).floor().to(torch.uint8)


def sample(
    denoiser: Denoise,
    seeds: Sequence[int],
    shape: tuple[int, ...],
    levels: int,
    batch: int | None = None,
    device: str | torch.device = "cpu",
    arithmetic: Arithmetic = "float32",
) -> np.ndarray:
    """Draws images as levels (N, *shape) uint8; image i depends only on the weights and seed i.

    The network computes in `arithmetic`, while the sampler's state is always float64. A batch has
    `batch` seeds (None: the number that suits the device). Another batch size changes the last
    digits of sums of floats, and so at most a rare level.
    """
    images = np.empty((len(seeds), *shape), np.uint8)
    batch = batch or SAMPLE_BATCH.get(torch.device(device).type, SAMPLE_BATCH["cuda"])
    for start in range(0, len(seeds), batch):
        part = slice(start, start + batch)
        noise = image_noise(seeds[part], shape).to(device)
        with products_in(arithmetic), networks_in(arithmetic, device):
            images[part] = quantize(heun_sample(denoiser, noise), levels).cpu().numpy()
    return images
