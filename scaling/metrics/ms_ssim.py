"""Multi-scale structural similarity of two images (Wang et al. 2003), the measure in Eq. 5."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from scaling.errors import UsageError, did_you_mean, listed

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
SIGMA = 1.5  # of the Gaussian window, in pixels
C1, C2 = 0.01**2, 0.03**2  # keep the ratios finite, for images in [0, 1]


@dataclass(frozen=True)
class Variant:
    """What public implementations do differently."""

    window: int  # pixels; smaller images shrink it to their side
    joint_up_to: float  # pixels of a side, up to which channels are averaged before the product
    pads_odd_sides: bool  # when halving
    last_in_every_factor: bool  # the coarsest similarity is multiplied in once for each contrast


VARIANTS = {
    # of the attack's authors, Kuzina et al. 2022
    "kuzina": Variant(14, joint_up_to=math.inf, pads_odd_sides=False, last_in_every_factor=True),
    # pytorch-msssim's, which averages channels after the product and takes sides above 160 only;
    # up to that the window shrinks, and channels are averaged at each scale: one colour without
    # structure in common would make the whole product 0
    "standard": Variant(11, joint_up_to=160, pads_odd_sides=True, last_in_every_factor=False),
}


def ms_ssim(x: Tensor, y: Tensor, variant: str = "kuzina") -> Tensor:
    """Similarity of floats in [0, 1], (B, C, H, W) -> (B,); 1 for equal images, never below 0.

    Uses as many of the five scales as leave a side of at least 2 pixels; the weights of fewer are
    divided by their sum.
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
        raise UsageError(f"MS-SSIM needs images of at least 2 pixels a side, not {side}.")
    used = WEIGHTS[:scales]
    total = sum(used) if scales < len(WEIGHTS) else 1.0  # all five add up to 1.0001, as published
    return [weight / total for weight in used]


def _similarity(x: Tensor, y: Tensor, window: int, joint: bool) -> tuple[Tensor, Tensor]:
    """Luminance times contrast and structure, and the latter alone; (B, C) or (B, 1) each.

    Cut at 0: a negative mean has no power of a fraction.
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
    """Each channel under a Gaussian window, valid positions only."""
    rows, columns = (_gaussian(min(window, side), x) for side in x.shape[2:])
    flat = x.flatten(0, 1).unsqueeze(1)
    flat = F.conv2d(F.conv2d(flat, rows.view(1, 1, -1, 1)), columns.view(1, 1, 1, -1))
    return flat.view(*x.shape[:2], *flat.shape[2:])


def _gaussian(size: int, like: Tensor) -> Tensor:
    """Off-centre by half a pixel for even sizes, in both variants."""
    distance = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    window = torch.exp(-(distance**2) / (2 * SIGMA**2))
    return window / window.sum()


def _halve(x: Tensor, form: Variant) -> Tensor:
    height, width = (side % 2 if form.pads_odd_sides else 0 for side in x.shape[2:])
    return F.avg_pool2d(x, 2, padding=(height, width))
