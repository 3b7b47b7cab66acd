"""Colours of sources and phases differ without red, green or blue cones, and by markers."""

import itertools
from typing import Any

import numpy as np
import pytest

from analysis import style
from analysis.figures import fig4r, fig5, fig14, fig15, methods

LEAST = 12.0  # smallest CIELAB distance of two colours of one figure; 2.3 is just noticeable
# Machado, Oliveira and Fernandes (2009), severity 1, in linear sRGB
CONES: dict[str, Any] = {
    "all": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
LOOKS = {
    "methods": methods.LOOKS,
    "samples": fig4r.LOOKS,
    "half asleep": fig5.LOOKS,
    "mollified": fig14.LOOKS,
    "mixtures": fig15.LOOKS,
}


def lab(colour, cones):
    """Returns the CIELAB values of #rrggbb as an eye with these cones sees it."""
    rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(np.asarray(cones) @ linear, 0, 1) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def closest(colours, cones):
    pairs = itertools.combinations(colours, 2)
    return min(float(np.linalg.norm(lab(a, cones) - lab(b, cones))) for a, b in pairs)


def test_the_simulation_makes_similar_what_looks_similar():
    """Without green cones two colours become similar, and white stays white."""
    grey = CONES["deuteranopia"]
    assert np.allclose(np.sum(grey, axis=1), 1.0, atol=1e-5)
    assert lab("#ffffff", grey)[0] == pytest.approx(100.0, abs=0.1)
    assert closest(["#cc79a7", "#009e73"], grey) < 20 < closest(["#cc79a7", "#009e73"], np.eye(3))


@pytest.mark.parametrize("cones", CONES)
@pytest.mark.parametrize("name", LOOKS)
def test_colours_of_a_figure_differ_enough(name, cones):
    assert closest([look.colour for look in LOOKS[name].values()], CONES[cones]) >= LEAST


@pytest.mark.parametrize("name", LOOKS)
def test_markers_of_a_figure_differ(name):
    markers = [look.marker for look in LOOKS[name].values()]
    assert len(set(markers)) == len(markers)


def test_the_colours_of_phases_differ_from_that_of_diffusion_samples():
    for colour in style.PHASE_COLOURS.values():
        pair = [colour, style.SOURCE_COLOURS["dmaapx"]]
        assert all(closest(pair, cones) >= 2 * LEAST for cones in CONES.values())
    assert style.SOURCE_MARKERS["dmaapx"] not in style.PHASE_MARKERS.values()
