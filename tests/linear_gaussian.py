"""Defines linear-Gaussian models with a known amortization gap: x = W z + e, z and e ~ N(0, I).

The posterior's precision is L = I + W^T W. The best factorized q has the posterior's mean and the
variances 1 / L_ii. An encoder whose mean is off by `shift` of these standard deviations, and which
is `wide` times as broad, loses
(d (wide^2 - 1 - 2 log wide) + shift^2 sum_ij L_ij / sqrt(L_ii L_jj)) / 2 nats.
"""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from scaling.models.vae import diagonal_normal


class SharpModel(nn.Module):
    """Has d_z latents with posterior standard deviations `std` (d_z,).

    With `pixels` = 0 each latent has its own pixel and the posterior factorizes. Otherwise W has
    random columns of that many pixels, and latents are correlated in the posterior.
    """

    def __init__(self, std: Tensor, pixels: int = 0, shift: float = 0.0, wide: float = 1.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(12345)
        strength = (1 / std**2 - 1).sqrt()
        if pixels:
            columns = torch.randn(pixels, len(std), generator=generator)
            self.weight = columns / columns.norm(dim=0) * strength
            precision = torch.eye(len(std)) + self.weight.T @ self.weight
            self.reader = torch.linalg.solve(precision, self.weight.T)
        else:
            self.weight, precision = strength, torch.diag(1 / std**2)
            self.reader = strength * std**2
        self.std, self.shift, self.wide = precision.diagonal().rsqrt(), shift, wide
        self.correlation = self.std * precision * self.std[:, None]

    def decode(self, z: Tensor) -> Independent:
        """Returns p(x|z) for z (B, d_z)."""
        return Independent(
            Normal(self._times(z, self.weight), 1.0, validate_args=False), 1, validate_args=False
        )

    def encode(self, x: Tensor) -> Independent:
        """Returns q(z|x), which differs from the best q by `shift` and `wide`."""
        mean = self._times(x, self.reader)
        std = (self.wide * self.std).expand_as(mean)
        return diagonal_normal(mean + self.shift * self.std, std)

    def images(self, count: int) -> Tensor:
        """Draws images from the model itself, (count, pixels)."""
        generator = torch.Generator().manual_seed(54321)
        z = torch.randn(count, len(self.std), generator=generator)
        clean = self._times(z, self.weight)
        return clean + torch.randn(clean.shape, generator=generator)

    def gap(self) -> float:
        """Returns KL(q || posterior) - KL(q* || posterior) in nats, which all images share."""
        spread = len(self.std) * (self.wide**2 - 1 - 2 * math.log(self.wide))
        return 0.5 * (spread + self.shift**2 * self.correlation.sum().item())

    @staticmethod
    def _times(x: Tensor, matrix: Tensor) -> Tensor:
        return x * matrix if matrix.dim() == 1 else x @ matrix.T
