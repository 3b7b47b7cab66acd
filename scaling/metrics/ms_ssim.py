"""Computes the multi-scale structural similarity of images (Wang et al. 2003), used in Eq. 5."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from scaling.errors import UsageError, did_you_mean, listed

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
SIGMA = 1.5  # width of the Gaussian window, in pixels
C1, C2 = 0.01**2, 0.03**2  # keep the ratios finite, for images in [0, 1]


@dataclass(frozen=True)
class Variant:
    """Describes the differences between public implementations."""

    window: int  # pixels; at most the side of the image
    joint_up_to: float  # largest side for which channels are averaged before the product
    pads_odd_sides: bool  # True if odd sides are padded before they are halved
    last_in_every_factor: bool  # True if the coarsest similarity is a factor once per finer scale


VARIANTS = {
    # The implementation of the attack's authors, Kuzina et al. 2022.
    "kuzina": Variant(14, joint_up_to=math.inf, pads_odd_sides=False, last_in_every_factor=True),
    # That of pytorch-msssim, which averages channels after the product and accepts only sides above
    # 160. For smaller images the window shrinks, and channels are averaged at each scale, because
    # a single colour without common structure would make the whole product 0.
    "standard": Variant(11, joint_up_to=160, pads_odd_sides=True, last_in_every_factor=False),
}


def ms_ssim(x: Tensor, y: Tensor, variant: str = "kuzina") -> Tensor:
    """Returns the similarity (B,) of images x and y (B, C, H, W) in [0, 1], from 0 to 1 (equal).

    It uses those of the five scales that leave a side of at least 2 pixels; the weights of fewer
    scales are divided by their sum. Raises UsageError for an unknown variant and for smaller
    images.
    """
    if variant not in VARIANTS:
        near = did_you_mean(variant, VARIANTS)
        raise UsageError(f"Unknown MS-SSIM variant {variant!r}. {near}Known: {listed(VARIANTS)}.")
    form = VARIANTS[variant]
    weights, joint = _weights(min(x.shape[2:])), min(x.shape[2:]) <= form.joint_up_to
    product = torch.ones((), dtype=x.dtype, device=x.device)
    for weight in weights[:-1]:
        product = product * _similarity(x, y, form.window, joint)[1] ** weight
        x, y = _halve(x, form), _halve(y, form)
    times = max(1, len(weights) - 1) if form.last_in_every_factor else 1
    return (product * _similarity(x, y, form.window, joint)[0] ** (times * weights[-1])).mean(1)


def _weights(side: int) -> list[float]:
    scales = min(len(WEIGHTS), side.bit_length() - 1)  # 2 ** scales <= side
    if scales < 1:
        raise UsageError(
            f"MS-SSIM needs sides of at least 2 pixels, and these have {side}. Give larger images."
        )
    used = WEIGHTS[:scales]
    total = sum(used) if scales < len(WEIGHTS) else 1.0  # the five published ones sum to 1.0001
    return [weight / total for weight in used]


def _similarity(x: Tensor, y: Tensor, window: int, joint: bool) -> tuple[Tensor, Tensor]:
    """Returns luminance times structure, and structure alone, each (B, C), or (B, 1) if joint.

    Structure includes contrast. Both are at least 0, because fractional powers of negative means
    do not exist.
    """
    blurred = _blur(torch.cat([x, y, x * x, y * y, x * y]), window)
    mean_x, mean_y, square_x, square_y, product = blurred.chunk(5)
    covariance = product - mean_x * mean_y
    variances = square_x - mean_x**2 + square_y - mean_y**2
    structure = (2 * covariance + C2) / (variances + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    over = (1, 2, 3) if joint else (2, 3)
    both = [
        map_.mean(over, keepdim=True).flatten(1).relu()
        for map_ in (luminance * structure, structure)
    ]
    return both[0], both[1]


def _blur(x: Tensor, window: int) -> Tensor:
    """Applies a Gaussian window to each channel, at valid positions only."""
    rows, columns = (_gaussian(min(window, side), x) for side in x.shape[2:])
    flat = x.flatten(0, 1).unsqueeze(1)
    flat = F.conv2d(F.conv2d(flat, rows.view(1, 1, -1, 1)), columns.view(1, 1, 1, -1))
    return flat.view(*x.shape[:2], *flat.shape[2:])


def _gaussian(size: int, like: Tensor) -> Tensor:
    """Returns a normalized Gaussian window, off-centre by half a pixel for even sizes."""
    distance = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    window = torch.exp(-(distance**2) / (2 * SIGMA**2))
    return window / window.sum()


def _halve(x: Tensor, form: Variant) -> Tensor:
    height, width = (side % 2 if form.pads_odd_sides else 0 for side in x.shape[2:])
    return F.avg_pool2d(x, 2, padding=(height, width))
