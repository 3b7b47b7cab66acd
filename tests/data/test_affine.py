"""Flips, shifts and affine maps compared with numpy and scipy; sym6 with closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scaling.data import affine

NONE = torch.zeros(1, dtype=torch.float64)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def forward(scale, angle, stretch, axis):
    """Returns the map of a point of the image, built step by step, (2, 2) on (x, y)."""

    def rotation(a):
        return np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])

    narrow = np.diag([2**stretch, 2**-stretch])
    return rotation(axis) @ narrow @ rotation(-axis) @ rotation(angle) @ (2**scale * np.eye(2))


def scipy_affine(image, matrix, shift):
    """Maps one channel by scipy; matrix and shift act on (x, y) about the centre."""
    swap = np.array([[0, 1], [1, 0]])
    back = swap @ np.linalg.inv(matrix) @ swap  # on (row, column)
    centre = (np.array(image.shape) - 1) / 2
    offset = centre - back @ (centre + shift[::-1])
    return ndimage.affine_transform(image, back, offset, order=1, mode="mirror")


STRENGTHS = [
    (0.4, 0.0, 0.0, 0.0),
    (-1.3, 0.0, 0.0, 0.0),
    (0.0, 0.5, 0.0, 0.0),
    (0.0, -2.8, 0.0, 0.0),
    (0.0, 0.0, 0.3, 0.0),
    (0.0, 0.0, -0.3, 0.9),
    (-0.2, 3.0, 0.25, -2.0),
]


@pytest.mark.parametrize("side", [(8, 8), (32, 32), (12, 20)])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, -3.2)])
def test_bilinear_equals_scipy(side, shift):
    images = noise(len(STRENGTHS), 3, *side)
    matrices = affine.inverse(*numbers(*STRENGTHS).T)
    out = affine.bilinear(images, matrices, numbers(shift).expand(len(images), 2))
    for n, strengths in enumerate(STRENGTHS):
        for c in range(3):
            expected = scipy_affine(images[n, c].numpy(), forward(*strengths), np.array(shift))
            np.testing.assert_allclose(out[n, c].numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_the_inverse_inverts(strengths):
    (found,) = affine.inverse(*numbers(strengths).T)
    np.testing.assert_allclose(found.numpy() @ forward(*strengths), np.eye(2), atol=1e-12)


def test_an_anisotropic_scale_keeps_areas_and_its_axis():
    (found,) = affine.inverse(NONE, NONE, numbers(0.7), numbers(0.6))
    along = np.array([math.cos(0.6), math.sin(0.6)])
    np.testing.assert_allclose(found.numpy() @ along, 2**-0.7 * along)
    assert np.linalg.det(found.numpy()) == pytest.approx(1)


@pytest.mark.parametrize("flip", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("pixels", [(0, 0), (3, 0), (0, -2), (-3, 1), (7, 7)])
def test_flips_and_whole_pixels_are_exact(flip, pixels):
    image = noise(1, 3, 8, 10)
    out = affine.moved(image, torch.tensor([flip]).bool(), torch.tensor([pixels]))
    expected = image[0].numpy()
    if flip[0]:
        expected = expected[:, :, ::-1]
    if flip[1]:
        expected = expected[:, ::-1]
    x, y = pixels
    wide = np.pad(expected, ((0, 0), (7, 7), (9, 9)), "reflect")
    np.testing.assert_array_equal(out[0].numpy(), wide[:, 7 - y : 15 - y, 9 - x : 19 - x])


def test_every_image_has_its_own_flip_and_shift():
    images = noise(4, 1, 8, 8)
    flip = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]]).bool()
    pixels = torch.tensor([[1, 2], [0, 0], [-3, 0], [2, -2]])
    alone = [affine.moved(images[n : n + 1], flip[n : n + 1], pixels[n : n + 1]) for n in range(4)]
    assert torch.equal(affine.moved(images, flip, pixels), torch.cat(alone))


@pytest.mark.parametrize("size", [2, 8])
def test_mirrored_indices_equal_numpys_padding(size):
    margin = 3 * size
    expected = np.pad(np.arange(size), margin, "reflect")
    found = affine.mirrored(torch.arange(-margin, size + margin), size)
    assert found.tolist() == expected.tolist()


def test_sym6_is_the_symlet():
    """It is orthonormal to its even shifts, and its mirror filter has six vanishing moments."""
    h = np.array(affine.SYM6)
    assert h.sum() == pytest.approx(math.sqrt(2), abs=1e-10)
    for shift in range(6):
        product = (h[2 * shift :] * h[: len(h) - 2 * shift]).sum()
        assert product == pytest.approx(float(shift == 0), abs=1e-10)
    signs = (-1.0) ** np.arange(12)
    for moment in range(6):
        terms = signs * h * np.arange(-5.5, 6) ** moment
        assert terms.sum() == pytest.approx(0, abs=1e-9 * abs(terms).sum())


@pytest.mark.parametrize("resampled", affine.FILTERS.values())
def test_the_identity_changes_nothing(resampled):
    images = noise(2, 3, 32, 32)
    identity = torch.eye(2, dtype=torch.float64).expand(2, 2, 2)
    out = resampled(images, identity, torch.zeros(2, 2, dtype=torch.float64))
    torch.testing.assert_close(out, images, atol=1e-9, rtol=0)
    out = resampled(images.float(), identity.float(), torch.zeros(2, 2))
    torch.testing.assert_close(out, images.float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("resampled", affine.FILTERS.values())
def test_a_shift_by_whole_pixels_moves(resampled):
    images = noise(1, 2, 8, 12)
    identity = torch.eye(2, dtype=torch.float64)[None]
    out = resampled(images, identity, numbers((3.0, -2.0)))
    moved = affine.moved(images, torch.zeros(1, 2).bool(), torch.tensor([[3, -2]]))
    torch.testing.assert_close(out, moved, atol=1e-9, rtol=0)


def waves(height, width, x, y, waves_x=2, waves_y=1):
    """Returns a product of cosines at x and y that mirrors itself at every edge of the image."""
    return np.cos(math.pi * waves_x * x / (width - 1)) * np.cos(
        math.pi * waves_y * y / (height - 1)
    )


def at_inverse(strengths, height, width):
    """Returns the position (x, y) in the input of each output pixel."""
    y, x = np.mgrid[:height, :width]
    back = np.linalg.inv(forward(*strengths))
    cx, cy = (width - 1) / 2, (height - 1) / 2
    at = np.einsum("ij,jhw->ihw", back, np.stack([x - cx, y - cy]))
    return at[0] + cx, at[1] + cy


@pytest.mark.parametrize("strengths", STRENGTHS)
@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40)])
def test_smooth_images_are_read_at_the_positions_of_the_inverse_map(strengths, height, width):
    y, x = np.mgrid[:height, :width]
    image = torch.tensor(waves(height, width, x, y))[None, None]
    expected = waves(height, width, *at_inverse(strengths, height, width))
    matrix = affine.inverse(*numbers(strengths).T)
    for resampled in affine.FILTERS.values():
        out = resampled(image, matrix, torch.zeros(1, 2, dtype=torch.float64))
        assert abs(out[0, 0].numpy() - expected).max() < 0.02


def test_sym6_blurs_fine_detail_less():
    y, x = np.mgrid[:32, :32]
    image = torch.tensor(waves(32, 32, x, y, 14, 14))[None, None]
    strengths = (0.3, 0.4, 0.0, 0.0)
    there_x, there_y = at_inverse(strengths, 32, 32)
    expected = waves(32, 32, there_x, there_y, 14, 14)
    matrix = affine.inverse(*numbers(strengths).T)
    no_shift = torch.zeros(1, 2, dtype=torch.float64)
    error = {
        name: np.sqrt(((resampled(image, matrix, no_shift)[0, 0].numpy() - expected) ** 2).mean())
        for name, resampled in affine.FILTERS.items()
    }
    assert error["sym6"] < 0.5 * error["bilinear"]


STRENGTH = st.floats(-1.5, 1.5)


@settings(max_examples=25, deadline=None)
@given(STRENGTH, STRENGTH, STRENGTH, STRENGTH, STRENGTH, st.sampled_from([4, 8, 32]))
def test_constant_images_stay_constant(scale, angle, stretch, axis, shift, side):
    image = torch.full((1, 1, side, side), 0.3, dtype=torch.float64)
    matrix = affine.inverse(*numbers((scale, angle, stretch, axis)).T)
    for resampled in affine.FILTERS.values():
        out = resampled(image, matrix, numbers((shift, -shift)))
        torch.testing.assert_close(out, image, atol=1e-9, rtol=0)
