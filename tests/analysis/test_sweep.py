"""Figures 4 (right), 15, 16 and 18: final values along one axis."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis import figures, style
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from tests.analysis.made_up import BEST, STEP, TRAINED, source

BLUE, VERMILION = style.SOURCE_COLOURS["normal"], style.SOURCE_COLOURS["dmaapx"]
FILL = {
    "fig4r": lambda s: s.sample_budget(),
    "fig15": lambda s: s.mixtures(),
    "fig16": lambda s: s.diffusion_subsets(),
    "fig18": lambda s: s.two_sample(),
}
STUDY = {"fig4r": "sample_budget", "fig15": "mixtures", "fig16": "diffusion_subsets"}
STUDY |= {"fig18": "two_sample"}


def _axes(studies, name):
    FILL[name](studies)
    frame = studies.frame()
    return figures.numbers(name, frame), figures.draw(name, frame).axes[0]


def _means(ax, colour, look):
    """Returns (x, y) of the line of means in this colour and style."""
    found = [line for line in ax.lines if line.get_linestyle() == look]
    (line,) = [line for line in found if line.get_color() == colour and line.get_marker() != "None"]
    return line.get_data()


def _levels(ax, colour, look):
    found = [line for line in ax.lines if line.get_color() == colour]
    flat = [line for line in found if line.get_linestyle() == look and len(line.get_xdata()) == 2]
    return [line.get_ydata()[0] for line in flat if list(line.get_xdata()) == [0, 1]]


def test_figure_4_right_equals_the_numbers_by_hand(studies):
    table, _ = _axes(studies, "fig4r")
    test = table[(table["metric"] == "test_elbo") & (table["line"] == "dmaapx")]
    ks = [1, 2, 5, 10, 20, 50, 100, 1000]
    assert test["source_k"].tolist() == ks
    expected = [BEST - 300 - 500 / k - (5 + 800 / k) / 2 for k in ks]
    assert test["mean"].tolist() == pytest.approx(expected, abs=0.01)
    normal = table[(table["metric"] == "train_elbo") & (table["line"] == "normal")].iloc[0]
    each = [BEST - 800 + STEP * step + 420 * (1 + 0.05 * step) for step in (-1, 0, 1)]
    interval = t_interval(each)
    assert (normal["low"], normal["high"]) == pytest.approx((interval.low, interval.high), abs=0.01)
    assert normal.isna()["source_k"]


def test_figure_4_right_is_drawn_over_log_k_between_horizontals(studies):
    table, ax = _axes(studies, "fig4r")
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "1", "2", "5", "10", "20", "50", "100", "1000",
    ]  # fmt: skip
    for metric, look in (("test_elbo", "-"), ("train_elbo", "--")):
        here = table[table["metric"] == metric].set_index("line")["mean"]
        assert list(_means(ax, VERMILION, look)[1]) == here["dmaapx"].tolist()
        assert _levels(ax, BLUE, look) == [here["normal"]]
    assert "nats per image" in ax.get_ylabel() and "$k$" in ax.get_xlabel()


def test_figure_15_has_a_line_per_augmentation_and_a_horizontal_one(studies):
    table, ax = _axes(studies, "fig15")
    assert table["real_percent"].unique().tolist() == [0, 20, 40, 60, 80, 100]
    for line, colour in list(style.MIXTURE_COLOURS.items())[:2]:
        for metric, look in (("test_elbo", "-"), ("train_elbo", "--")):
            here = table[(table["metric"] == metric) & (table["line"] == line)]
            x, y = _means(ax, colour, look)
            assert (list(x), list(y)) == (here["real_percent"].tolist(), here["mean"].tolist())
    dmaapx = table[(table["line"] == "none") & (table["real_percent"] == 0)].set_index("metric")
    assert _levels(ax, VERMILION, ":") == [dmaapx.loc["test_elbo", "mean"]]
    assert dmaapx.loc["test_elbo", "mean"] == pytest.approx(BEST - 330 - 2.5, abs=0.01)


def test_figure_16_is_over_the_share_behind_the_diffusion_model(studies):
    table, ax = _axes(studies, "fig16")
    x, y = _means(ax, VERMILION, "-")
    assert list(x) == [10, 30, 50, 70, 90, 100]
    assert y[1] == pytest.approx(BEST - 300 - 100 / 0.3 - (5 + 10 / 0.3) / 2, abs=0.01)
    loss, gap = TRAINED["normal"]
    assert _levels(ax, BLUE, "-") == pytest.approx([BEST - loss - gap / 2], abs=0.01)
    assert _levels(ax, BLUE, "--") == pytest.approx([BEST - loss + gap / 2], abs=0.01)
    assert "(%)" in ax.get_xlabel() and len(table) == 14


def test_figure_18_has_the_papers_bars_and_no_others(studies):
    table, ax = _axes(studies, "fig18")
    assert table["diffusion_percent"].tolist() == [30, 50, 70, 90, 100]
    seeds = 0.65 + 0.01 * np.arange(-2, 3)
    last, interval = table.iloc[-1], t_interval(seeds)
    assert (last["mean"], last["std"]) == pytest.approx((0.65, seeds.std(ddof=1)))
    assert (last["low"], last["high"]) == pytest.approx((interval.low, interval.high))
    assert (last["n"], last["epoch"]) == (5, 14)
    ends = {round(y, 9) for bars in ax.collections for path in bars.get_segments() for _, y in path}
    assert round(0.65 + 1.96 * last["std"], 9) in ends
    assert round(interval.low, 9) not in ends
    assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [0.5]


@pytest.mark.parametrize("name", list(FILL))
def test_without_data_the_error_says_what_to_run(studies, name):
    studies.each_seed(800.0, 840.0, source=source("aug_naive"))
    with pytest.raises(ResultsError) as error:
        figures.draw(name, studies.frame().drop(columns="source_k"))
    assert str(error.value).endswith(f"Run scaling-vae study {STUDY[name]}.")


def test_unfinished_trials_are_named_and_not_drawn(studies):
    studies.diffusion_subsets()
    half = [{"epoch": 500, "test_elbo": -1.0, "train_elbo": -1.0}]
    studies.vae(half, seed=5, done=False, source=source("dmaapx", diffusion_share=0.2))
    frame = studies.frame()
    assert 20 not in figures.numbers("fig16", frame)["diffusion_percent"].tolist()
    assert "Not finished: dmaapx seed 5 (epoch 500)" in figures.draw("fig16", frame).get_supxlabel()


def test_a_part_of_the_grid_can_be_drawn(studies):
    studies.sample_budget(ks=[10])
    figure = figures.draw("fig4r", studies.frame())
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["10"]


@pytest.mark.parametrize("name", list(FILL))
def test_heading_and_labels_are_inside_the_figure_and_outside_the_panel(studies, name):
    FILL[name](studies)
    figure = figures.draw(name, studies.frame(), "study, cifar10, commit 0123456789")
    FigureCanvasAgg(figure).draw()
    heading, ax = figure.legends[0].get_window_extent(), figure.axes[0]
    assert not heading.overlaps(ax.get_window_extent())
    inside = figure.bbox.padded(1)
    ticks = [t.get_window_extent() for t in [*ax.get_yticklabels(), *ax.get_xticklabels()]]
    for box in [heading, *ticks, ax.xaxis.label.get_window_extent()]:
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
