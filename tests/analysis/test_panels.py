"""Figures 2, 5, 6 and 10 to 14: curves over epochs, and the values at their ends."""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis import figures, style
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from tests.analysis.made_up import COSTLY, EPOCHS, TRAINED, rows
from tests.narrow import not_none


def _fashion(studies, likelihood):
    studies.data_sources("fashion_mnist", network="fully_connected", likelihood=likelihood)


FILL = {
    "fig2": lambda s: s.data_sources(),
    "fig5": lambda s: s.reverse_half_asleep(),
    "fig6": lambda s: s.latent_width(),
    "fig10": lambda s: s.data_sources("mnist", likelihood="bernoulli"),
    "fig11": lambda s: _fashion(s, "gaussian"),
    "fig12": lambda s: _fashion(s, "mixture"),
    "fig13": lambda s: [s.data_sources("mnist", likelihood="bernoulli"), s.data_sources()],
    "fig14": lambda s: s.mollification(),
}
WHAT_TO_RUN = {
    "fig2": "study data_sources --preset cifar10",
    "fig5": "study reverse_half_asleep",
    "fig6": "study latent_width",
    "fig10": "study data_sources --preset mnist",
    "fig11": "study data_sources --preset fashion_mnist",
    "fig12": "study data_sources --preset fashion_mnist --set likelihood=mixture",
    "fig13": "study data_sources",
    "fig14": "study mollification",
}


def _curves(ax, look):
    """Returns the data of the curves in a line style, without levels and dotted marks."""
    found = [line for line in ax.lines if line.get_linestyle() == look]
    return {line.get_color(): line.get_data() for line in found if len(line.get_xdata()) > 2}


def _words(legend):
    return [text.get_text() for text in legend.get_texts()]


def _of(table, metric, line, part="epochs"):
    here = (table["metric"] == metric) & (table["line"] == line) & (table["part"] == part)
    return table[here]


def test_the_numbers_of_figure_2_are_means_and_intervals(studies):
    studies.data_sources()
    table = figures.numbers("fig2", studies.frame())
    gap = _of(table, "generalization_gap", "dmaapx", "end").iloc[0]
    expected = t_interval([4.75, 5.0, 5.25])
    assert (gap["mean"], gap["low"]) == pytest.approx((5.0, expected.low))
    assert (gap["n"], gap["method"], gap["epoch"]) == (3, "t, 2 df", 1000)
    assert _of(table, "test_elbo", "normal")["epoch"].tolist() == list(EPOCHS)
    assert _of(table, "optimal_elbo", "normal")["epoch"].tolist() == list(COSTLY)
    at = {m: _of(table, m, "aug_naive").iloc[-1]["mean"] for m in ("optimal_elbo", "encoder_elbo")}
    end = _of(table, "amortization_gap", "aug_naive", "end").iloc[0]
    assert at["optimal_elbo"] - at["encoder_elbo"] == pytest.approx(end["mean"])
    images, own = (
        _of(table, m, "normal").iloc[-1] for m in ("ms_ssim_input", "ms_ssim_reconstruction")
    )
    robustness = _of(table, "robustness_gap", "normal", "end").iloc[0]
    assert images["mean"] - own["mean"] == pytest.approx(robustness["mean"])
    panels = dict.fromkeys(zip(table["panel"], table["part"], strict=True))
    assert [panel for panel, part in panels if part == "epochs"] == [
        "generalization", "amortized inference", "robustness",
    ]  # fmt: skip


def test_figure_2_draws_its_numbers(studies):
    studies.data_sources()
    frame = studies.frame()
    table, figure = figures.numbers("fig2", frame), figures.draw("fig2", frame)
    metrics = [("test_elbo", "train_elbo"), ("encoder_elbo", "optimal_elbo")]
    metrics += [("ms_ssim_reconstruction", "ms_ssim_input")]
    for ax, pair in zip(figure.axes[:3], metrics, strict=True):
        for look, metric in zip("- --".split(), pair, strict=True):
            drawn = _curves(ax, look)
            assert len(drawn) == 4
            for method in TRAINED.keys() - {"mollify"}:
                x, y = drawn[style.SOURCE_COLOURS[method]]
                expected = _of(table, metric, method)
                assert list(x) == expected["epoch"].tolist()
                assert list(y) == expected["mean"].tolist()
    assert "nats per image" in figure.axes[0].get_ylabel()
    assert "MS-SSIM" in figure.axes[2].get_ylabel()
    assert {ax.get_xlabel() for ax in figure.axes[:3]} == {"effective epochs"}
    assert [ax.get_xlabel() for ax in figure.axes[3:]] == [
        "gap (nats per image)", "gap (nats per image)", "gap (MS-SSIM)",
    ]  # fmt: skip
    assert _words(figure.axes[0].get_legend()) == [r"$D_\mathrm{test}$", r"$D_\mathrm{train}$"]
    assert _words(figure.legends[0]) == ["normal", "DMaaPx", "Aug.Tuned", "Aug.Naive"]


def test_intervals_are_drawn_at_the_end_and_no_band_covers_a_line(studies):
    studies.data_sources()
    frame = studies.frame()
    table, figure = figures.numbers("fig2", frame), figures.draw("fig2", frame)
    assert not any(figure.axes[at].collections for at in range(3))
    bars: list[Any] = list(figure.axes[3].collections)
    ends = [x for each in bars for path in each.get_segments() for x, _ in path]
    gaps = table[(table["part"] == "end") & (table["metric"] == "generalization_gap")]
    assert sorted(ends) == pytest.approx(sorted([*gaps["low"], *gaps["high"]]))
    alone = figures.numbers("fig13", frame)
    last = alone[alone["epoch"] == alone["epoch"].max()]
    drawn = [np.asarray(line.get_data()) for line in figures.draw("fig13", frame).axes[0].lines]
    upright = [y for x, y in drawn if len(x) == 2 and len(set(x)) == 1]
    ends = sorted(float(value) for y in upright for value in y)
    assert ends == pytest.approx(sorted([*last["low"], *last["high"]]))


def test_the_values_at_the_end_are_written(studies):
    studies.data_sources()
    figure = figures.draw("fig2", studies.frame())
    texts = [text.get_text() for text in figure.axes[3].texts]
    half = t_interval([4.75, 5.0, 5.25]).high - 5
    assert f"5.00 \N{PLUS-MINUS SIGN} {half:.2f}" in texts
    assert [text.get_text() for text in figure.axes[3].get_yticklabels()] == [
        "normal", "DMaaPx", "Aug.Tuned", "Aug.Naive",
    ]  # fmt: skip


def test_two_seeds_have_no_band(studies):
    studies.each_seed(800.0, 840.0, seeds=2)
    figure = figures.draw("fig2", studies.frame())
    assert not any(
        len(np.asarray(path.vertices))
        for band in figure.axes[0].collections
        for path in band.get_paths()
    )
    assert "no interval" in figure.get_supxlabel()


def test_early_epochs_may_leave_the_panel_and_late_ones_never_do(studies):
    studies.data_sources()
    frame = studies.frame()
    table, ax = figures.numbers("fig2", frame), figures.draw("fig2", frame).axes[0]
    low, high = ax.get_ylim()
    elbos = table[table["metric"].isin(["test_elbo", "train_elbo"])]
    late = elbos[elbos["epoch"] >= 100]
    assert low < late["low"].min() and late["high"].max() < high
    assert elbos["mean"].min() < low


def test_absent_methods_and_unfinished_trials_are_named(studies):
    studies.each_seed(*TRAINED["normal"])
    studies.vae(rows(1.0, 1.0)[:5], seed=3, done=False)
    note = figures.draw("fig2", studies.frame(), "commit abc").get_supxlabel()
    whole = " ".join(note.split())
    assert "Not in these results: DMaaPx, Aug.Tuned, Aug.Naive" in note
    assert "Not finished: normal seed 3 (epoch 50)" in note
    assert "3 seeds on one data set (dots, in the lower panels; lines are means)" in whole
    assert "; 1000 epochs" in whole and whole.endswith("commit abc")


def test_panels_of_unmeasured_metrics_are_left_out_and_named(studies):
    studies.each_seed(*TRAINED["normal"])
    figure = figures.draw("fig2", studies.frame())
    assert len(figure.axes) == 2 and len(_curves(figure.axes[0], "-")) == 1
    assert "Not measured: amortized inference, robustness." in figure.get_supxlabel()


@pytest.mark.parametrize("name", list(FILL))
def test_without_their_data_figures_say_what_to_run(studies, name):
    studies.two_sample()
    with pytest.raises(ResultsError) as error:
        figures.draw(name, studies.frame())
    output = str(error.value)
    assert output.endswith(f"Run scaling-vae {WHAT_TO_RUN[name]}.") and "\n" not in output
    assert output.startswith(f"Figure {name[3:]} needs")


def test_figure_2_shows_digits_if_there_is_no_cifar10(studies):
    studies.data_sources("digits")
    studies.data_sources("mnist", likelihood="bernoulli")
    title = figures.draw("fig2", studies.frame()).legends[0].get_title().get_text()
    assert "digits, mixture of logistics, $m_z=1$, $n_c=256$" in title


@pytest.mark.parametrize("name", ["fig2", "fig13"])
def test_a_jpeg_copy_is_named_in_title_and_note(studies, name):
    studies.data_sources(data="jpeg")
    figure = figures.draw(name, studies.frame())
    titles = [ax.get_title("left") for ax in figure.axes]
    titles.append(figure.legends[0].get_title().get_text())
    assert any("(JPEG copy)" in title.replace("\n", " ") for title in titles)
    assert "not comparable with published" in figure.get_supxlabel().replace("\n", " ")


def test_official_images_need_no_warning(studies):
    studies.data_sources(data="official")
    figure = figures.draw("fig2", studies.frame())
    assert "JPEG" not in figure.get_supxlabel() + figure.legends[0].get_title().get_text()


@pytest.mark.parametrize("name", list(FILL))
def test_nothing_overlaps_and_nothing_is_clipped(studies, name):
    FILL[name](studies)
    figure = figures.draw(name, studies.frame(), "data_sources, cifar10, commit 0123456789")
    FigureCanvasAgg(figure).draw()
    heading = figure.legends[0].get_window_extent()
    panels = [ax.get_window_extent() for ax in figure.axes]
    assert not any(heading.overlaps(panel) for panel in panels)
    assert not any(a.overlaps(b) for a, b in combinations(panels, 2))
    inside = figure.bbox.padded(1)
    axes: list[Any] = figure.axes
    texts = [ax.title for ax in axes] + [ax._left_title for ax in axes]
    boxes = [text.get_window_extent() for text in texts if text.get_text()] + [heading]
    boxes += [legend.get_window_extent() for ax in figure.axes if (legend := ax.get_legend())]
    boxes += [tick.get_window_extent() for ax in figure.axes for tick in ax.get_yticklabels()]
    for box in boxes:
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
    for ax in figure.axes:
        labels = [t.get_window_extent() for t in ax.get_xticklabels() if t.get_text()]
        shown = [box for box in labels if ax.get_window_extent().padded(2).x1 >= box.x0]
        assert not any(a.overlaps(b) for a, b in combinations(shown, 2))


def test_panels_over_epochs_reach_over_the_numbers_below_them(studies):
    studies.data_sources()
    figure = figures.draw("fig2", studies.frame())
    figure.draw_without_rendering()
    for upper, lower in zip(figure.axes[:3], figure.axes[3:], strict=True):
        assert upper.bbox.x1 > 1.1 * lower.bbox.x1 - 0.1 * lower.bbox.x0  # by a tenth of its width
        assert upper.bbox.x1 <= not_none(lower.get_tightbbox()).x1 + 1
    boxes = [not_none(ax.get_tightbbox()) for ax in figure.axes[:3]]
    assert all(left.x1 <= right.x0 + 1 for left, right in pairwise(boxes))
