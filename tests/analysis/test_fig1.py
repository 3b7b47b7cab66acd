"""Figure 1: the regions of the toy density, compared with sums and samples."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.__main__ import main
from analysis.figures import fig1


@pytest.fixture(scope="module")
def table():
    return figures.numbers("fig1", pd.DataFrame()).set_index("distribution")


def test_the_region_of_p_data_has_ninety_percent_of_its_mass(table):
    assert table.loc["p_data"].tolist() == pytest.approx([0.9, 0.1], abs=0.002)


def test_the_diffusion_model_covers_more_and_strays_less_than_augmentation(table):
    assert table.loc["p_DM", "covered"] > table.loc["p_aug", "covered"] + 0.2
    assert table.loc["p_DM", "outside"] < table.loc["p_aug", "outside"] - 0.1


def test_ninety_percent_of_samples_are_in_the_region():
    """40,000 points are drawn in the way that d_train draws a few."""
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(*fig1.TURN, 40_000), 1 + fig1.THICKNESS * rng.normal(size=40_000)
    density = fig1.p_data(radius * np.cos(angle), radius * np.sin(angle))
    level = fig1._level(fig1.p_data(*fig1._plane()))
    assert (density >= level).mean() == pytest.approx(fig1.MASS, abs=0.01)


def test_the_share_of_mirror_images_is_the_stated_one():
    """The sum is over the lower part of the plane, which moves hardly reach."""
    x, y = np.meshgrid(*[np.linspace(-2, 2, 600)] * 2)
    density = fig1.p_aug(x, y)
    high = (fig1.d_train()[1] > 0.3).mean()
    low = density[y < -0.3].sum() / density.sum()
    assert low == pytest.approx(fig1.MIRRORED * high, abs=0.03)


def test_the_figure_needs_no_results(tmp_path):
    assert main(["fig1", "--results", str(tmp_path / "none"), "-o", str(tmp_path / "f.pdf")]) == 0
    assert (tmp_path / "f.pdf").stat().st_size > 5000
    assert figures.study("fig1") == "data_sources"
