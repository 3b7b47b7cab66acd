"""Transforms images: moves by whole pixels, and all other affine maps by a single resampling.

Beyond its edges an image continues as its mirror image (... c b | a b c | b a ...) without
repeating the edge pixel, so its period is 2 (size - 1). Positions are in pixels, x to the right,
y down; matrices rotate and stretch about the centre of the image.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# The symlet with six vanishing moments (Daubechies), orthonormal to its even shifts, sum sqrt(2).
SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
# Its centre of mass, in taps: measured from it, the filter does not shift linear images.
CENTRE = sum(tap * weight for tap, weight in enumerate(SYM6)) / sum(SYM6)


def moved(images: Tensor, flip: Tensor, pixels: Tensor) -> Tensor:
    """Flips images (N, C, H, W) and moves them by whole pixels; flip, pixels (N, 2) for (x, y)."""
    height, width = images.shape[2:]
    columns = _read_from(width, flip[:, 0], pixels[:, 0]).to(images.device)
    rows = _read_from(height, flip[:, 1], pixels[:, 1]).to(images.device)
    index = (width * rows[:, :, None] + columns[:, None, :]).flatten(1)
    flat = images.flatten(2)
    return flat.gather(2, index[:, None].expand(flat.shape)).view(images.shape)


def _read_from(size: int, flip: Tensor, pixels: Tensor) -> Tensor:
    """Returns the index from which each of `size` pixels is read, (N, size)."""
    index = mirrored(torch.arange(size) - pixels[:, None], size)
    return torch.where(flip[:, None], size - 1 - index, index)


def mirrored(index: Tensor, size: int) -> Tensor:
    """Maps any index to the index in 0..size-1 whose pixel the mirrored image has there."""
    period = 2 * (size - 1)
    index = index % period
    return torch.minimum(index, period - index)


def inverse(scale: Tensor, angle: Tensor, stretch: Tensor, axis: Tensor) -> Tensor:
    """Returns matrices from output to input positions, (N, 2, 2); all arguments are (N,).

    Images are scaled by 2^scale, rotated by `angle`, then stretched by 2^stretch along the
    direction `axis` and by 2^-stretch across it; angles are in radians, from x to y.
    """
    narrow = torch.diag_embed(torch.stack([torch.exp2(-stretch), torch.exp2(stretch)], -1))
    unstretched = _rotation(axis) @ narrow @ _rotation(-axis)
    return torch.exp2(-scale)[:, None, None] * (_rotation(-angle) @ unstretched)


def _rotation(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], -1).view(-1, 2, 2)


def bilinear(images: Tensor, inverse: Tensor, shift: Tensor) -> Tensor:
    """Interpolates images at inverse (N, 2, 2) @ (position - shift), shift (N, 2) in pixels."""
    height, width = images.shape[2:]
    # align_corners puts -1 and 1 on the centres of the edge pixels, about which images are mirrored
    factor = 2 / images.new_tensor([width - 1, height - 1])
    rows, columns = torch.arange(height), torch.arange(width)
    grid = _positions(rows, columns, images, inverse, shift, factor, -1)
    return F.grid_sample(images, grid, "bilinear", "reflection", align_corners=True)


def sym6(images: Tensor, inverse: Tensor, shift: Tensor) -> Tensor:
    """Interpolates like `bilinear` on a lattice twice as fine, with less blur and aliasing.

    It costs several times as much. One period of the mirrored image is upsampled by the wavelet
    filter, read bilinearly, and downsampled by the flipped filter; the filter is orthonormal, so
    that up- and downsampling alone would lose nothing.
    """
    height, width = images.shape[2:]
    fine = _up(height).to(images) @ images @ _up(width).T.to(images)
    down_y, down_x = _down(height).to(images), _down(width).to(images)
    rows, columns = ((torch.arange(d.shape[1]).double() - CENTRE) / 2 for d in (down_y, down_x))
    points = _positions(rows, columns, images, inverse, shift, 2, CENTRE)
    period = images.new_tensor([4 * (width - 1), 4 * (height - 1)])
    grid = (points % period) * (2 / period) - 1
    return down_y @ F.grid_sample(fine, grid, "bilinear", align_corners=True) @ down_x.T


def _positions(
    rows: Tensor,
    columns: Tensor,
    images: Tensor,
    inverse: Tensor,
    shift: Tensor,
    factor: Tensor | float,
    offset: float,
) -> Tensor:
    """Returns factor * (x, y) + offset for the points where the output at rows x columns reads.

    Their shape is (N, rows, columns, 2). A matrix acts on rows and columns separately, so the grid
    is the sum of two terms.
    """
    height, width = images.shape[2:]
    centre = images.new_tensor([(width - 1) / 2, (height - 1) / 2])
    start = (inverse @ (-centre - shift)[:, :, None])[:, :, 0] + centre
    along_x = columns.to(images)[:, None] * (factor * inverse[:, None, :, 0])
    along_y = rows.to(images)[:, None] * (factor * inverse[:, None, :, 1])
    along_y += (factor * start + offset)[:, None]
    return along_y[:, :, None] + along_x[:, None]


def _up(size: int) -> Tensor:
    """Returns the map of pixels to a period of the fine lattice; point k is at (k - CENTRE) / 2."""
    matrix = torch.zeros(4 * (size - 1) + 1, size, dtype=torch.float64)
    for tap, weight in enumerate(SYM6):
        point = torch.arange(tap % 2, len(matrix), 2)
        matrix[point, mirrored((point - tap) // 2, size)] += math.sqrt(2) * weight
    return matrix


def _down(size: int) -> Tensor:
    """Returns the map of points 0, 1, ... of the fine lattice to pixels."""
    matrix = torch.zeros(size, 2 * (size - 1) + len(SYM6), dtype=torch.float64)
    for tap, weight in enumerate(SYM6):
        pixel = torch.arange(size)
        matrix[pixel, 2 * pixel + tap] = weight / math.sqrt(2)
    return matrix


FILTERS = {"bilinear": bilinear, "sym6": sym6}
