"""Figures 5, 6 and 11 to 14: what they show in addition to Figure 2."""

import numpy as np
import pytest

from analysis import figures, style
from tests.analysis.test_panels import FILL, _curves, _fashion, _of, _words


def test_figure_6_compares_m_z(studies):
    studies.latent_width()
    frame = studies.frame()
    table, figure = figures.numbers("fig6", frame), figures.draw("fig6", frame)
    assert table["line"].unique().tolist() == ["m_z=1", "m_z=10"]
    last = _of(table, "amortization_gap", "m_z=10", "end").iloc[0]
    assert last["epoch"] == 700 and last["mean"] == pytest.approx(90 * 0.7 + 201)
    assert "m_z=10 amortization_gap (700)" in figure.get_supxlabel()
    colours = style.m_z_colours([1, 10])
    assert _curves(figure.axes[1], "-")[colours[10]][0].max() == 700
    assert _curves(figure.axes[0], "-")[colours[10]][0].max() == 1000


def test_figures_11_and_12_differ_in_the_likelihood(studies):
    _fashion(studies, "gaussian")
    studies.each_seed(
        700.0, 100.0, dataset="fashion_mnist", network="fully_connected", likelihood="mixture"
    )
    frame = studies.frame()
    gaps = [
        _of(figures.numbers(name, frame), "generalization_gap", "normal", "end")["mean"].iloc[0]
        for name in ("fig11", "fig12")
    ]
    assert gaps == pytest.approx([840.0, 100.0])
    assert len(figures.draw("fig12", frame).axes) == 2
    assert len(figures.draw("fig11", frame).axes) == 6


def test_figure_5_has_a_dotted_line_where_half_asleep_begins(studies):
    studies.reverse_half_asleep()
    frame = studies.frame()
    figure = figures.draw("fig5", frame)
    dotted = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert [np.asarray(line.get_xdata()).tolist() for line in dotted] == [[500, 500]]
    assert _words(figure.legends[0]) == [
        "normal", "normal + RHA", "DMaaPx", "DMaaPx + RHA", "RHA begins",
    ]  # fmt: skip
    end = _of(figures.numbers("fig5", frame), "test_elbo", "normal + RHA", "end").iloc[0]
    assert end["mean"] == pytest.approx(-10_000 - 600 - 320, abs=0.01)
    assert len(_curves(figure.axes[0], "--")) == 4


def test_figure_13_is_solid_on_the_test_set_and_dotted_on_the_training_distribution(studies):
    FILL["fig13"](studies)
    frame = studies.frame()
    table, figure = figures.numbers("fig13", frame), figures.draw("fig13", frame)
    assert [ax.get_title("left") for ax in figure.axes] == ["(a) BinaryMNIST", "(b) CIFAR-10"]
    for ax, panel in zip(figure.axes, ("BinaryMNIST", "CIFAR-10"), strict=True):
        here = table[table["panel"] == panel]
        for look, metric in (("-", "test_elbo"), (":", "source_elbo")):
            _, y = _curves(ax, look)[style.SOURCE_COLOURS["dmaapx"]]
            assert list(y) == _of(here, metric, "dmaapx")["mean"].tolist()


def test_figure_14_shows_the_gap_over_epochs(studies):
    studies.mollification()
    frame = studies.frame()
    table, figure = figures.numbers("fig14", frame), figures.draw("fig14", frame)
    assert table["line"].unique().tolist() == ["normal", "mollify", "dmaapx", "dmaapx + mollify"]
    gap = _of(table, "generalization_gap", "dmaapx + mollify")
    assert gap["mean"].iloc[-1] == pytest.approx(6.0)
    _, y = _curves(figure.axes[1], "-")[style.COMBINED_COLOURS["DMaaPx + mollified"]]
    assert list(y) == gap["mean"].tolist()
    for ax in figure.axes[:2]:
        assert [
            np.asarray(line.get_xdata())[0] for line in ax.lines if line.get_linestyle() == ":"
        ] == [500]
