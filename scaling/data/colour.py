"""Changes the colours of images by one affine map of RGB, on the scale [-1, 1].

Brightness b, contrast c, a rotation by the hue h about the grey axis (1, 1, 1) and a stretch s away
from it, in this order, are x -> c (P + s (cos h (I - P) + sin h K)) x + c b with P the projection
onto the axis and K the cross product with it, so hue and saturation do not change grey.
"""

import math

import torch
from torch import Tensor

P = torch.full((3, 3), 1 / 3)
K = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)


def matrix(contrast: Tensor, hue: Tensor, saturation: Tensor, channels: int) -> Tensor:
    """Returns the linear part, (N, C, C), with factors 2^contrast and 2^saturation.

    Arguments are (N,), hue in radians. Grey images have neither hue nor saturation.
    """
    factor = torch.exp2(contrast)[:, None, None]
    if channels == 1:
        return factor
    turned = hue.cos()[:, None, None] * (torch.eye(3) - P) + hue.sin()[:, None, None] * K
    return factor * (P + torch.exp2(saturation)[:, None, None] * turned)


def coloured(images: Tensor, matrix: Tensor, brightness: Tensor, highest: float = 1.0) -> Tensor:
    """Adds brightness (N,) to images on the scale 0..highest, then applies the matrix (N, C, C).

    Both act on the scale [-1, 1]; the result is not clamped.
    """
    on_axis = matrix.sum(2, keepdim=True)  # the image of (1, 1, 1) under the matrix
    offset = highest / 2 * (on_axis * (brightness[:, None, None] - 1) + 1)
    return torch.baddbmm(offset, matrix, images.flatten(2)).view(images.shape)
