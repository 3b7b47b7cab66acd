"""Augments a whole epoch of images at once (section 4.1.1, Appendix E, Tables 8-10).

A random gate decides for every image and transformation whether it applies. Order: flips,
whole-pixel translation, one resampling (scale, rotation, anisotropic scale, shift), one colour map
(brightness, contrast, hue, saturation), clamping. Images whose gates are closed do not change.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from scaling.data import affine, colour
from scaling.errors import UsageError
from scaling.trial import Source
from scaling.trial.catalog import likelihood_entry

PROBABILITY = {1: 0.10, 3: 0.12}  # b of Appendix E, by channels
PIECES = {"cpu": 128}  # images transformed at a time; they fit the cache
PIECE = 4096  # the same on other devices, where large pieces hide the time of kernel launches


@dataclass(frozen=True)
class Augmentation:
    """Holds the parameters of Tables 8-10; 0 disables a transformation.

    A sigma is the standard deviation of a normal strength; under `uniform` strengths are drawn
    from [-sigma, sigma], under `uniform_pos` from [0, sigma].
    """

    probability: float = 0.0  # b, the probability that a gate opens
    x_flip: bool = False
    x_flip_always: bool = False  # True if its gate is always open
    y_flip: bool = False
    flip: Literal["coin", "always"] = "coin"  # effect of an open gate: half of the images, or all
    translate: float = 0.0  # largest move by whole pixels in both directions, in widths
    scale: float = 0.0  # sigma of log2
    rotate: float = 0.0  # largest angle in both directions, in half turns
    stretch: float = 0.0  # sigma of log2 of the anisotropic scale
    stretch_rotate: float = 0.0  # probability that the axes of an anisotropic scale are rotated
    shift: float = 0.0  # sigma in widths: in EDM's pipeline, but not in Table 10
    brightness: float = 0.0  # sigma on the scale [-1, 1]
    contrast: float = 0.0  # sigma of log2
    hue: float = 0.0  # largest rotation in both directions, in half turns
    saturation: float = 0.0  # sigma of log2
    strength: Literal["normal", "uniform", "uniform_pos"] = "normal"
    filter: Literal["bilinear", "sym6"] = "bilinear"


class Draws(NamedTuple):
    """Holds each image's strengths, (N,) or (N, 2) for (x, y); zero where a gate is closed."""

    flip: Tensor  # (N, 2) bool
    pixels: Tensor  # (N, 2) int64
    scale: Tensor  # log2
    angle: Tensor  # radians
    stretch: Tensor  # log2
    axis: Tensor  # radians
    shift: Tensor  # (N, 2) pixels
    brightness: Tensor
    contrast: Tensor  # log2
    hue: Tensor  # radians
    saturation: Tensor  # log2

    def at(self, index: Tensor) -> "Draws":
        """Returns the strengths of the images at these indices."""
        return Draws(*(column[index] for column in self))

    @property
    def moves(self) -> Tensor:
        """Marks the images that are flipped or moved by whole pixels, (N,) bool."""
        return self.flip.any(1) | self.pixels.any(1)

    @property
    def warps(self) -> Tensor:
        """Marks the images that are resampled, (N,) bool."""
        return (self.scale != 0) | (self.angle != 0) | (self.stretch != 0) | self.shift.any(1)

    @property
    def shades(self) -> Tensor:
        """Marks the images whose colours change, (N,) bool."""
        tones = (self.brightness != 0) | (self.contrast != 0)
        return tones | (self.hue != 0) | (self.saturation != 0)


def augmentation_of(source: Source, dataset: str, channels: int) -> Augmentation:
    """Returns the source's augmentation of that data set; the identity for a source without one.

    Raises UsageError for images that are neither grey nor RGB.
    """
    if source.augment is None:
        return Augmentation()
    if channels not in PROBABILITY:
        raise UsageError(
            f"{dataset} has {channels} channels, and only 1 or 3 can be augmented. "
            "Use --source normal or dmaapx."
        )
    probability = source.augment_probability
    return replace(
        TABLES[source.augment, channels],
        probability=PROBABILITY[channels] if probability is None else probability,
        flip=source.augment_flip,
        strength=source.augment_strength,
        filter=source.augment_filter,
        shift=source.augment_shift,
    )


def draw(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Draws:
    """Draws the strengths for each image, on the CPU and always in the same order."""
    count, _, height, width = images.shape
    uniform = partial(torch.rand, generator=generator)
    sides = torch.tensor([width, height])

    def opened(probability: float = settings.probability) -> Tensor:
        return uniform(count) < probability

    def gated(values: Tensor) -> Tensor:
        gate = opened()
        return torch.where(gate if values.dim() == 1 else gate[:, None], values, 0)

    def either_way(most: float, *shape: int) -> Tensor:
        return most * (2 * uniform(count, *shape) - 1)

    def strength(sigma: float, *shape: int) -> Tensor:
        return sigma * STRENGTHS[settings.strength](count, *shape, generator=generator)

    gates = torch.stack([opened(p) for p in _flip_probabilities(settings)], 1)
    coins = uniform(count, 2) < 0.5
    stretch = gated(strength(settings.stretch))
    turned = opened(settings.stretch_rotate)
    return Draws(
        flip=gates & coins if settings.flip == "coin" else gates,
        pixels=gated(either_way(settings.translate, 2) * sides).round().long(),
        scale=gated(strength(settings.scale)),
        angle=gated(either_way(settings.rotate * math.pi)),
        stretch=stretch,
        axis=torch.where(turned, either_way(math.pi), 0),
        shift=gated(strength(settings.shift, 2) * sides),
        brightness=gated(strength(settings.brightness)),
        contrast=gated(strength(settings.contrast)),
        hue=gated(either_way(settings.hue * math.pi)),
        saturation=gated(strength(settings.saturation)),
    )


def _flip_probabilities(settings: Augmentation) -> tuple[float, float]:
    b = settings.probability
    return (1.0 if settings.x_flip_always else b * settings.x_flip), b * settings.y_flip


def apply(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Returns augmented images, floats (N, C, H, W) in [0, 1]; `generator` is on the CPU."""
    return _augment_(images.clone(), 1, settings, generator)


def augmented(
    images: Tensor,
    settings: Augmentation,
    levels: int,
    likelihood: str,
    keep_real: bool,
    generator: torch.Generator,
) -> Tensor:
    """Augments levels (N, C, H, W) to images (N, C, H, W) for training.

    They are levels for a mixture and for a Bernoulli, where rounding is a threshold at 0.5; they
    are floats in [0, 1] for a Gaussian, and for a Bernoulli with `keep_real`.
    """
    floats = likelihood_entry(likelihood).floats
    if floats == "always" or (floats == "on_request" and keep_real):
        return _augment_(images / (levels - 1), 1, settings, generator)
    return _augment_(images.clone(), levels - 1, settings, generator)


def _augment_(
    images: Tensor, highest: int, settings: Augmentation, generator: torch.Generator
) -> Tensor:
    """Augments images on the scale 0..highest in place and returns them."""
    draws = draw(images, settings, generator)
    _change_(images, draws.moves, draws, lambda x, to: affine.moved(x, to.flip, to.pixels))
    redo = partial(_redone, highest=highest, filter=settings.filter)
    _change_(images, draws.warps | draws.shades, draws, redo)
    return images


def _change_(
    images: Tensor, active: Tensor, draws: Draws, change: Callable[[Tensor, Draws], Tensor]
) -> None:
    """Changes the active images in place, in pieces; the others keep their exact values."""
    index = active.nonzero()[:, 0]
    if len(index):
        for part in index.split(PIECES.get(images.device.type, PIECE)):
            rows = part.to(images.device)
            images.index_copy_(0, rows, change(images.index_select(0, rows), draws.at(part)))


def _redone(images: Tensor, draws: Draws, highest: int, filter: str) -> Tensor:
    """Returns the images resampled, recoloured and clamped; integers are rounded again."""
    real = images.is_floating_point()
    x = images if real else images.float()
    _change_(x, draws.warps, draws, partial(_warped, filter=filter))
    _change_(x, draws.shades, draws, partial(_shaded, highest=highest))
    x.clamp_(0, highest)
    return x if real else x.round_().to(images.dtype)


def _warped(images: Tensor, draws: Draws, filter: str) -> Tensor:
    inverse = affine.inverse(draws.scale, draws.angle, draws.stretch, draws.axis)
    return affine.FILTERS[filter](images, inverse.to(images), draws.shift.to(images))


def _shaded(images: Tensor, draws: Draws, highest: int) -> Tensor:
    matrix = colour.matrix(draws.contrast, draws.hue, draws.saturation, images.shape[1])
    return colour.coloured(images, matrix.to(images), draws.brightness.to(images), highest)


def _symmetric(*shape: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(*shape, generator=generator) - 1


STRENGTHS: dict[str, Callable[..., Tensor]] = {
    "normal": torch.randn,
    "uniform": _symmetric,
    "uniform_pos": torch.rand,
}

# fmt: off
TABLE_8 = Augmentation(
    x_flip=True, translate=3 / 32, scale=0.2, rotate=10 / 180, stretch=0.2, stretch_rotate=0.5,
    brightness=0.2, contrast=0.25, hue=0.25, saturation=0.5,
)
TABLE_9 = Augmentation(
    translate=3 / 32, scale=0.15, rotate=10 / 180, stretch=0.15, stretch_rotate=0.4,
)
TABLE_10 = Augmentation(
    x_flip=True, x_flip_always=True, y_flip=True,
    scale=0.2, rotate=1.0, stretch=0.2, stretch_rotate=0.5,
)
# fmt: on
TABLES = {
    ("naive", 1): TABLE_8,
    ("naive", 3): TABLE_8,
    ("tuned", 1): TABLE_9,
    ("tuned", 3): TABLE_10,
}
