"""Linear-Gaussian models whose amortization gap is known: x = W z + e, z and e standard normal.

The posterior's precision is L = I + W^T W. The best factorized q has the posterior's mean and the
variances 1 / L_ii; an encoder beside it by `shift` of its standard deviations, `wide` times as
broad, loses (d (wide^2 - 1 - 2 log wide) + shift^2 sum_ij L_ij / sqrt(L_ii L_jj)) / 2 nats.
"""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from scaling.models.vae import diagonal_normal


class SharpModel(nn.Module):
    """d_z latents with posterior standard deviations `std` (d_z,).

    With `pixels` = 0 each latent has a pixel of its own and the posterior factorizes; else W has
    random columns in so many pixels, and posterior latents are correlated.
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
        """p(x|z) for z (B, d_z)."""
        return Independent(
            Normal(self._times(z, self.weight), 1.0, validate_args=False), 1, validate_args=False
        )

    def encode(self, x: Tensor) -> Independent:
        """The detuned q."""
        mean = self._times(x, self.reader)
        std = (self.wide * self.std).expand_as(mean)
        return diagonal_normal(mean + self.shift * self.std, std)

    def images(self, count: int) -> Tensor:
        """Images of the model itself, (count, pixels)."""
        generator = torch.Generator().manual_seed(54321)
        z = torch.randn(count, len(self.std), generator=generator)
        clean = self._times(z, self.weight)
        return clean + torch.randn(clean.shape, generator=generator)

    def gap(self) -> float:
        """KL(q || posterior) - KL(q* || posterior) in nats, of every image."""
        spread = len(self.std) * (self.wide**2 - 1 - 2 * math.log(self.wide))
        return 0.5 * (spread + self.shift**2 * self.correlation.sum().item())

    @staticmethod
    def _times(x: Tensor, matrix: Tensor) -> Tensor:
        return x * matrix if matrix.dim() == 1 else x @ matrix.T
