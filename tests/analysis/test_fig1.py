"""Figure 1: the toy density's regions, beside sums and samples."""

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.__main__ import main
from analysis.figures import fig1


@pytest.fixture(scope="module")
def table():
    return figures.numbers("fig1", pd.DataFrame()).set_index("distribution")


def test_a_region_of_p_data_holds_ninety_percent_of_it(table):
    assert table.loc["p_data"].tolist() == pytest.approx([0.9, 0.1], abs=0.002)


def test_augmentation_leaves_gaps_and_goes_astray_the_diffusion_model_less_so(table):
    assert table.loc["p_DM", "covered"] > table.loc["p_aug", "covered"] + 0.2
    assert table.loc["p_DM", "outside"] < table.loc["p_aug", "outside"] - 0.1


def test_samples_of_p_data_lie_in_its_region():
    """40,000 of them, drawn as d_train draws its few."""
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(*fig1.TURN, 40_000), 1 + fig1.THICKNESS * rng.normal(size=40_000)
    density = fig1.p_data(radius * np.cos(angle), radius * np.sin(angle))
    level = fig1._level(fig1.p_data(*fig1._plane()))
    assert (density >= level).mean() == pytest.approx(fig1.MASS, abs=0.01)


def test_mirror_images_are_the_share_that_they_are_said_to_be():
    """By sums over the plane's lower part, where moves of the points themselves hardly reach."""
    x, y = np.meshgrid(*[np.linspace(-2, 2, 600)] * 2)
    density = fig1.p_aug(x, y)
    high = (fig1.d_train()[1] > 0.3).mean()
    low = density[y < -0.3].sum() / density.sum()
    assert low == pytest.approx(fig1.MIRRORED * high, abs=0.03)


def test_it_needs_no_results(tmp_path):
    assert main(["fig1", "--results", str(tmp_path / "none"), "-o", str(tmp_path / "f.pdf")]) == 0
    assert (tmp_path / "f.pdf").stat().st_size > 5000
    assert figures.study("fig1") == "data_sources"
