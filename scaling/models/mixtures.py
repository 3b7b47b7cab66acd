"""Defines discretized mixtures of logistics (Salimans et al. 2017), per pixel or per colour.

Images are levels 0..levels-1 or floats in [0, 1], as in `scaling.models.likelihoods`.
"""

import math
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from scaling.models import logistics
from scaling.models.logistics import INVERSE_WIDE, LOG_SCALE_MIN, LOG_SCALE_WIDE
from scaling.trial.vae import values_per_component

CHANNEL_ALPHA = 1e-4  # weight of the uniform distribution in the per-channel form


class MixtureOfLogistics:
    """Gives each pixel a discretized mixture of K logistics (Salimans et al. 2017).

    `params` (B, width, H, W) are K logits, then for each colour K means, K log-scales and, for
    RGB, K coefficients, for images scaled to [-1, 1]. A colour's mean depends on the earlier
    colours through the tanh of the coefficients. The mass of a level is the exact difference of
    two sigmoids; the outermost levels include the tails. Raises ValueError for a width that is no
    multiple of the parameters of one component.
    """

    low, span = -1.0, 2.0  # the scale of means and log-scales

    def __init__(self, params: Tensor, channels: int, levels: int = 256) -> None:
        self.channels, self.levels = channels, levels
        width = params.shape[1]
        k = logistics.components(width, channels)
        if width != self.width(channels, k):
            raise ValueError(
                f"{width} outputs per pixel are no mixture over {channels} channels. "
                f"Give a multiple of {self.width(channels, 1)}."
            )
        self.params, self.logits = params, params[:, :k]
        self.rest = params[:, k:].unflatten(1, (channels, -1, k))
        self.means = self.rest[:, :, 0]  # (B, C, K, H, W)

    @cached_property
    def log_scales(self) -> Tensor:
        """Returns the log-scales, at least LOG_SCALE_MIN, (B, C, K, H, W)."""
        return self.rest[:, :, 1].clamp(min=LOG_SCALE_MIN)

    @cached_property
    def coefficients(self) -> Tensor | None:
        """Returns the tanh of the coefficients of RGB, (B, 3, K, H, W); None for other images."""
        return torch.tanh(self.rest[:, :, 2]) if self.channels == 3 else None

    @staticmethod
    def width(channels: int, components: int = 10) -> int:
        """Returns the decoder outputs per pixel: 3K for grey, 10K for RGB."""
        return components * values_per_component(channels)

    @property
    def mean(self) -> Tensor:
        """Returns the mean in [0, 1], computing each colour at the mean of the earlier ones."""
        weights = torch.softmax(self.logits, 1)
        colours: list[Tensor] = []
        for c in range(self.channels):
            colours.append(self.means[:, c] + self._shift(colours))
        mean = torch.stack([(weights * colour).sum(1) for colour in colours], 1)
        return self._to_unit(mean)

    def log_prob(self, x: Tensor) -> Tensor:
        return logistics.log_prob(self.params, x, self.levels)

    def sample(self) -> Tensor:
        """Draws a component by its weight, then the colours in order, clamped to [0, 1]."""
        chosen = self._component()
        colours: list[Tensor] = []
        for c in range(self.channels):
            colours.append(self._colour(c, chosen, colours))
        return self._to_unit(torch.cat(colours, 1))

    def _component(self) -> Tensor:
        """Draws one of the K components for each pixel by its weight, (B, 1, H, W)."""
        gumbel = -torch.log(-torch.log(_uniform(self.logits)))
        return (self.logits + gumbel).argmax(1, keepdim=True)

    def _colour(self, c: int, chosen: Tensor, earlier: list[Tensor]) -> Tensor:
        """Draws colour c from the chosen component, clamped, (B, 1, H, W)."""
        mean = (self.means[:, c] + self._shift(earlier)).gather(1, chosen)
        u = _uniform(mean)
        scale = self.log_scales[:, c].gather(1, chosen).clamp(max=LOG_SCALE_WIDE).exp()
        noise = scale * (u.log() - (-u).log1p())
        return (mean + noise).clamp(self.low, self.low + self.span)

    def _to_unit(self, scaled: Tensor) -> Tensor:
        return ((scaled - self.low) / self.span).clamp(0, 1)

    def _shift(self, colours: list[Tensor]) -> Tensor | float:
        """Returns the shift of the next colour's mean by the earlier colours, (B, K, H, W)."""
        if self.coefficients is None or not colours:
            return 0.0
        if len(colours) == 1:
            return self.coefficients[:, 0] * colours[0]
        return self.coefficients[:, 1] * colours[0] + self.coefficients[:, 2] * colours[1]


class PerChannelMixture(MixtureOfLogistics):
    """Draws the component separately for each colour, and adds a little uniform mass.

    It is the form of Zhang et al. 2022; means and log-scales refer to images on [0, 1].
    """

    low, span = 0.0, 1.0

    @property
    def mean(self) -> Tensor:
        """Returns the mean in [0, 1], each colour's mixture at the means of the earlier colours."""
        weights = torch.softmax(self.logits, 1)
        colours: list[Tensor] = []
        for c in range(self.channels):
            mixed = (weights * (self.means[:, c] + self._shift(colours))).sum(1, keepdim=True)
            colours.append((1 - CHANNEL_ALPHA) * mixed + CHANNEL_ALPHA / 2)
        return self._to_unit(torch.cat(colours, 1))

    def sample(self) -> Tensor:
        """Draws a component and a value for each colour in turn, or, rarely, a uniform value."""
        colours: list[Tensor] = []
        for c in range(self.channels):
            colour = self._colour(c, self._component(), colours)
            anything = torch.rand_like(colour) < CHANNEL_ALPHA
            colours.append(torch.where(anything, torch.rand_like(colour), colour))
        return torch.cat(colours, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        weights = F.log_softmax(self.logits, 1).unsqueeze(1)
        log_mass = torch.logsumexp(self._log_mass(x) + weights, 2)
        uniform = torch.full_like(log_mass, math.log(CHANNEL_ALPHA / self.levels))
        mixed = torch.logaddexp(log_mass + math.log1p(-CHANNEL_ALPHA), uniform)
        return mixed.sum((1, 2, 3))

    def _scaled(self, x: Tensor) -> Tensor:
        return x.to(self.means.dtype) * (self.span / (self.levels - 1)) + self.low

    def _log_mass(self, x: Tensor) -> Tensor:
        """Returns the log-mass of each colour's level under each component, (B, C, K, H, W)."""
        colours = list(self._scaled(x).split(1, 1))
        means = [self.means[:, c] + self._shift(colours[:c]) for c in range(self.channels)]
        return self._log_interval(x, torch.stack(means, 1))

    def _log_interval(self, x: Tensor, means: Tensor) -> Tensor:
        """Returns log(sigmoid(a) - sigmoid(b)), a and b the level's upper and lower edge in scales.

        It is computed as log(1 - exp(b - a)) - softplus(-a) - softplus(b), which avoids the
        difference of nearly equal numbers in the tails. The lowest level has b = -inf, the highest
        a = +inf. Beyond LOG_SCALE_WIDE the first logarithm falls as log(1 / scale).
        """
        half = self.span / (2 * (self.levels - 1))
        level = x.unsqueeze(2)
        inverse = torch.exp(-self.log_scales)
        centred = (self._scaled(level) - means) * inverse
        upper = F.softplus(-(centred + half * inverse))
        lower = F.softplus(centred - half * inverse)
        excess = (self.log_scales - LOG_SCALE_WIDE).clamp(min=0)
        width = torch.log(-torch.expm1(-2 * half * inverse.clamp(min=INVERSE_WIDE))) - excess
        inside = width - upper - lower
        edge = torch.where(level == 0, -upper, -lower)
        return torch.where((level == 0) | (level == self.levels - 1), edge, inside)


def _uniform(like: Tensor) -> Tensor:
    return torch.empty_like(like).uniform_(1e-5, 1 - 1e-5)
