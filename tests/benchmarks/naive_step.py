"""Implements the baseline: a straightforward training loop with the textbook likelihood.

It uses float images from a DataLoader, PyTorch's default layout, float32 and default Adam; the
mixture's mass is a difference of sigmoids, or a density in the tails.
"""

import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

K = 10
SIZES = ((8, 128), (32, 128), (128, 32))  # n_c, batch


class Loop:
    """Performs one step per call, epoch after epoch, for a model that has a `loss`."""

    def __init__(self, model: Any, batch: int, batches: int = 4, device: str = "cpu") -> None:
        images = torch.randint(0, 256, (batch * batches, 3, 32, 32)).float() / 255
        self.model, self.device = model.to(device), device
        self.loader = DataLoader(TensorDataset(images), batch_size=batch, shuffle=True)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
        self.images = self._images()

    def _images(self) -> Iterator[Tensor]:
        while True:
            for (x,) in self.loader:
                yield x

    def __call__(self) -> None:
        x = next(self.images).to(self.device)
        self.optimizer.zero_grad()
        self.model.loss(x).backward()
        self.optimizer.step()


class Block(nn.Module):
    """Implements the residual block of Table 6."""

    def __init__(self, n_c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.ReLU(), nn.Conv2d(n_c, n_c, 3, padding=1, bias=False), nn.BatchNorm2d(n_c)),
            *(nn.ReLU(), nn.Conv2d(n_c, n_c, 3, padding=1, bias=False), nn.BatchNorm2d(n_c)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class PlainVAE(nn.Module):
    """Implements the VAE of Tables 4 and 5 at 3x32x32."""

    def __init__(self, n_c: int, m_z: int = 1) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, n_c, 4, 2, 1, bias=False), nn.BatchNorm2d(n_c), nn.ReLU()),
            *(nn.Conv2d(n_c, n_c, 4, 2, 1, bias=False), nn.BatchNorm2d(n_c)),
            *(Block(n_c), Block(n_c), nn.Conv2d(n_c, 2 * m_z, 1)),
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(m_z, n_c, 1, bias=False), nn.BatchNorm2d(n_c), Block(n_c), Block(n_c)),
            *(nn.ConvTranspose2d(n_c, n_c, 4, 2, 1, bias=False), nn.BatchNorm2d(n_c), nn.ReLU()),
            *(nn.ConvTranspose2d(n_c, n_c, 4, 2, 1, bias=False), nn.BatchNorm2d(n_c), nn.ReLU()),
            nn.Conv2d(n_c, 10 * K, 1),
        )

    def loss(self, x: Tensor) -> Tensor:
        mean, rho = self.encoder(x).chunk(2, 1)
        std = F.softplus(rho) + 1e-7
        z = mean + std * torch.randn_like(std)
        kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum((1, 2, 3))
        return (kl - textbook(2 * x - 1, self.decoder(z))).mean()


def textbook(x: Tensor, params: Tensor) -> Tensor:
    """Returns the log-probability (B,), in nats, of x (B, 3, H, W) on [-1, 1] (Salimans 2017)."""
    batch, _, height, width = x.shape
    logits = params[:, :K]
    blocks = params[:, K:].view(batch, 3, 3, K, height, width)
    means, log_scales, coefficients = blocks[:, :, 0], blocks[:, :, 1], blocks[:, :, 2].tanh()
    log_scales = log_scales.clamp(min=-7)
    x = x.unsqueeze(2)
    green = means[:, 1] + coefficients[:, 0] * x[:, 0]
    blue = means[:, 2] + coefficients[:, 1] * x[:, 0] + coefficients[:, 2] * x[:, 1]
    centred = x - torch.stack([means[:, 0], green, blue], 1)
    inverse = (-log_scales).exp()
    upper, lower = inverse * (centred + 1 / 255), inverse * (centred - 1 / 255)
    mass = upper.sigmoid() - lower.sigmoid()
    middle = inverse * centred
    density = middle - log_scales - 2 * F.softplus(middle) - math.log(127.5)
    inside = torch.where(mass > 1e-5, mass.clamp(min=1e-12).log(), density)
    above = torch.where(x > 0.999, -F.softplus(lower), inside)
    log_mass = torch.where(x < -0.999, upper - F.softplus(upper), above)
    return (log_mass.sum(1) + logits.log_softmax(1)).logsumexp(1).sum((1, 2))


def against(path: Path) -> list[Result]:
    """Compares this loop with another file's `NaiveVAE(n_c, m_z)`, whose images are on [0, 1]."""
    spec = importlib.util.spec_from_file_location("reference", path)
    assert spec is not None and spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    results = []
    for n_c, batch in SIZES:
        loops = Loop(PlainVAE(n_c), batch), Loop(reference.NaiveVAE(n_c, 1), batch)
        ours, theirs = (batch / seconds for seconds in interleaved(*loops))
        name = f"the naive step and {path.name}, n_c {n_c}"
        results.append(Result(name, ours / theirs, 1.0, ours, theirs, "images/s"))
    return results
