"""Weather: fractal clouds, snowflakes, ice, drops of water and mud."""

import numpy as np
import pytest
from scipy import ndimage

from scaling.data.corruptions.weather import (
    FOG,
    FROST,
    MUD,
    SNOW,
    SPATTER,
    WATER,
    fog,
    frost,
    frost_texture,
    grey,
    plasma,
    snow,
    spatter,
)

RNG = np.random.default_rng


@pytest.fixture
def noise():
    return (0.3 + 0.3 * RNG(1).random((8, 3, 32, 32))).astype(np.float32)


def test_clouds_span_0_to_1_and_get_rougher_as_the_wobble_decays_slower():
    smooth, rough = plasma(20, 32, 3.0, RNG(0)), plasma(20, 32, 1.5, RNG(0))
    for maps in (smooth, rough):
        np.testing.assert_array_equal(maps.min((1, 2)), 0)
        np.testing.assert_array_equal(maps.max((1, 2)), 1)
    assert abs(np.diff(smooth)).mean() < 0.5 * abs(np.diff(rough)).mean()
    assert abs(smooth[0] - smooth[1]).mean() > 0.05


def test_neighbours_in_a_cloud_are_alike_also_across_the_border():
    maps = plasma(50, 32, 3.0, RNG(0))
    inside, across = abs(np.diff(maps)).mean(), abs(maps[:, :, 0] - maps[:, :, -1]).mean()
    assert across == pytest.approx(inside, rel=0.3)


@pytest.mark.parametrize("c", FOG)
def test_fog_is_the_cloud_over_the_image_at_the_same_brightest_value(noise, c):
    density, decay = c
    found = fog(noise, c, RNG(0))
    brightest = noise.max((1, 2, 3), keepdims=True)
    cloud = (found * (brightest + density) / brightest - noise) / density
    np.testing.assert_allclose(cloud, plasma(8, 32, decay, RNG(0))[:, None].repeat(3, 1), atol=1e-4)
    assert (found.max((1, 2, 3)) <= brightest.ravel() + 1e-6).all()
    contrast = found.std((2, 3)).mean() if density < 0.3 else 0
    assert contrast < noise.std() * 2


@pytest.mark.parametrize("c", FROST)
def test_frost_adds_pale_blue_ice_to_a_darker_image(c):
    black, grey_image = (np.full((30, 3, 32, 32), v, np.float32) for v in (0, 0.5))
    ice = frost(black, c, RNG(0)) / c[1]
    assert ice.min() >= 0 and ice.max() <= 1 + 1e-6
    red, green, blue = ice.mean((0, 2, 3))
    assert red < green < blue
    assert 0.2 < ice.mean() < 0.7 and ice.std() > 0.1
    np.testing.assert_allclose(frost(grey_image, c, RNG(0)), 0.5 * c[0] + c[1] * ice, atol=1e-6)
    windows = ice.reshape(30, -1)
    assert abs(windows[0] - windows[1]).mean() > 0.05


def test_each_generator_gives_another_ice():
    assert not np.array_equal(frost_texture(RNG(0)), frost_texture(RNG(1)))


def test_snow_is_grey_and_symmetric_under_half_a_turn():
    black = np.zeros((50, 3, 32, 32), np.float32)
    for c in SNOW:
        share = c[-1]
        flakes = snow(black, c, RNG(0)) - (1 - share) * 0.5  # black turns pale by that much
        np.testing.assert_allclose(flakes, flakes[:, :, ::-1, ::-1], atol=1e-6)
        np.testing.assert_allclose(flakes[:, 0], flakes[:, 2], atol=1e-6)
        assert flakes.min() > -1e-6 and flakes.max() > 0.05


def test_snow_falls_along_lines_nearer_to_the_vertical():
    flakes = snow(np.zeros((100, 3, 32, 32), np.float32), SNOW[2], RNG(0))[:, 0]
    down, right = (abs(np.diff(flakes, axis=axis)).mean() for axis in (1, 2))
    assert down < 0.8 * right


def test_pale_is_luma_and_white_stays_white():
    x = RNG(0).random((2, 3, 4, 4)).astype(np.float32)
    expected = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    np.testing.assert_allclose(grey(x)[:, 0], expected, atol=1e-6)
    assert snow(np.ones((2, 3, 32, 32), np.float32), SNOW[0], RNG(0)).min() >= 1 - 1e-5


@pytest.mark.parametrize("c", SPATTER[:3])
def test_water_adds_turquoise_drops(noise, c):
    added = spatter(noise, c, RNG(0)) - noise
    wet = added.max(1) > 1e-4
    assert 0.002 < wet.mean() < 0.6
    assert added.min() > -1e-6 and added.max() <= c[4] * max(WATER) + 1e-5
    colour = added.transpose(1, 0, 2, 3)[:, wet].sum(1)
    np.testing.assert_allclose(colour / colour[1], np.array(WATER) / WATER[1], atol=1e-3)


@pytest.mark.parametrize("c", SPATTER[3:])
def test_mud_covers_blobs_with_brown(c):
    white = np.ones((50, 3, 32, 32), np.float32)
    found = spatter(white, c, RNG(0))
    covered = (found < 1 - 1e-6).all(1)
    assert 0.01 < covered.mean() < 0.4
    share = (1 - found[:, 0])[covered] / (1 - MUD[0])
    assert share.min() >= 0.8 - 1e-5 and share.max() <= 1 + 1e-5
    for colour, level in enumerate(MUD):
        np.testing.assert_allclose(1 - found[:, colour][covered], share * (1 - level), atol=1e-5)
    assert ndimage.label(covered, np.ones((1, 3, 3))[None].repeat(3, 1)[0] * [[[0]], [[1]], [[0]]])


def test_drops_of_one_image_do_not_reach_into_another(noise):
    alone, among = noise[:4], np.concatenate([noise[:4], np.ones_like(noise)])
    # one generator of whole batches draws the first images first
    np.testing.assert_array_equal(
        spatter(alone, SPATTER[1], RNG(0)), spatter(among, SPATTER[1], RNG(0))[:4]
    )
