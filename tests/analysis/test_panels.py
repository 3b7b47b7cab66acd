"""Figures 2, 5, 6 and 10 to 14: curves over epochs, and the values at their end."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis import figures, style
from analysis.folders import ResultsError
from analysis.intervals import t_interval
from tests.analysis.made_up import COSTLY, EPOCHS, TRAINED, rows, source


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
    "fig2": "studies/data_sources.py --preset cifar10",
    "fig5": "studies/reverse_half_asleep.py",
    "fig6": "studies/latent_width.py",
    "fig10": "studies/data_sources.py --preset mnist",
    "fig11": "studies/data_sources.py --preset fashion_mnist",
    "fig12": "studies/data_sources.py --preset fashion_mnist --set likelihood=mixture",
    "fig13": "studies/data_sources.py",
    "fig14": "studies/mollification.py",
}


def _curves(ax, look):
    """Data of the lines of a style that are curves (not levels or dotted turns)."""
    found = [line for line in ax.lines if line.get_linestyle() == look]
    return {line.get_color(): line.get_data() for line in found if len(line.get_xdata()) > 2}


def _words(legend):
    return [text.get_text() for text in legend.get_texts()]


def _of(table, metric, line, part="epochs"):
    here = (table["metric"] == metric) & (table["line"] == line) & (table["part"] == part)
    return table[here]


def test_numbers_of_figure_2(studies):
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


def test_bands_are_the_intervals(studies):
    studies.data_sources()
    frame = studies.frame()
    table, figure = figures.numbers("fig2", frame), figures.draw("fig2", frame)
    edges = {y for band in figure.axes[0].collections for y in band.get_paths()[0].vertices[:, 1]}
    normal = _of(table, "test_elbo", "normal")
    assert {*normal["low"], *normal["high"]} <= edges


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
        len(path.vertices) for band in figure.axes[0].collections for path in band.get_paths()
    )
    assert "no interval" in figure.get_supxlabel()


def test_early_epochs_leave_the_panel_and_late_ones_do_not(studies):
    studies.data_sources()
    frame = studies.frame()
    table, ax = figures.numbers("fig2", frame), figures.draw("fig2", frame).axes[0]
    low, high = ax.get_ylim()
    elbos = table[table["metric"].isin(["test_elbo", "train_elbo"])]
    late = elbos[elbos["epoch"] >= 100]
    assert low < late["low"].min() and late["high"].max() < high
    assert elbos["mean"].min() < low


def test_what_is_absent_or_unfinished_is_named(studies):
    studies.each_seed(*TRAINED["normal"])
    studies.vae(rows(1.0, 1.0)[:5], seed=3, done=False)
    note = figures.draw("fig2", studies.frame(), "commit abc").get_supxlabel()
    assert "Not in these results: DMaaPx, Aug.Tuned, Aug.Naive" in note
    assert "Not finished: normal seed 3 (epoch 50)" in note
    assert "3 seeds (dots)" in note and "1000 epochs" in note and note.endswith("commit abc")


def test_unmeasured_gaps_leave_their_panels_empty(studies):
    studies.each_seed(*TRAINED["normal"])
    axes = figures.draw("fig2", studies.frame()).axes
    assert [text.get_text() for text in axes[1].texts] == ["not measured"]
    assert len(_curves(axes[0], "-")) == 1


@pytest.mark.parametrize("name", list(FILL))
def test_without_their_data_figures_say_what_to_run(studies, name):
    studies.two_sample()
    with pytest.raises(ResultsError) as error:
        figures.draw(name, studies.frame())
    said = str(error.value)
    assert said.endswith(f"Run python {WHAT_TO_RUN[name]}.") and "\n" not in said
    assert said.startswith(f"Figure {name[3:]} needs")


def test_figure_2_is_of_digits_where_there_is_no_cifar10(studies):
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
    assert "not comparable with published" in figure.get_supxlabel()
    studies.results.root.rename(studies.results.root.with_name("other"))


def test_official_images_need_no_warning(studies):
    studies.data_sources(data="official")
    figure = figures.draw("fig2", studies.frame())
    assert "JPEG" not in figure.get_supxlabel() + figure.legends[0].get_title().get_text()


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
    assert [list(line.get_xdata()) for line in dotted] == [[500, 500]]
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
        assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [500]


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
    texts = [ax.title for ax in figure.axes] + [ax._left_title for ax in figure.axes]
    boxes = [text.get_window_extent() for text in texts if text.get_text()] + [heading]
    boxes += [legend.get_window_extent() for ax in figure.axes if (legend := ax.get_legend())]
    boxes += [tick.get_window_extent() for ax in figure.axes for tick in ax.get_yticklabels()]
    for box in boxes:
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
    for ax in figure.axes:
        labels = [t.get_window_extent() for t in ax.get_xticklabels() if t.get_text()]
        shown = [box for box in labels if ax.get_window_extent().padded(2).x1 >= box.x0]
        assert not any(a.overlaps(b) for a, b in combinations(shown, 2))


def test_colours_differ_in_each_figure():
    from analysis.figures import fig5, fig14, methods

    for looks in (fig5.LOOKS, fig14.LOOKS, methods.LOOKS):
        colours = [look.colour for look in looks.values()]
        rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours])
        apart = np.abs(rgb[:, None] - rgb[None]).sum(-1) + 999 * np.eye(len(rgb))
        assert apart.min() >= 82  # the closest two of Okabe and Ito


def test_composed_sources_have_the_papers_names():
    assert style.source_label("real_share=0.0,k=10,mollify_epochs=500") == "DMaaPx + mollified"
    assert style.source_label("real_share=0.4,k=10,augment=tuned") == "40 % real + Aug.Tuned"
    assert style.source_label("dmaapx + mollify") == "DMaaPx + mollified"
    assert style.source_label("real_share=0.4,flip=coin") == "40 % real + flip=coin"
    both = style.source_colour("real_share=0.0,k=10,mollify_epochs=500")
    assert both == style.COMBINED_COLOURS["DMaaPx + mollified"]
    assert source("mollify")["mollify_epochs"] == 500


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (841.54, 12.3, "842 \N{PLUS-MINUS SIGN} 12"),
        (0.4149, 0.0385, "0.415 \N{PLUS-MINUS SIGN} 0.038"),
        (-10302.5, 29.4, "\N{MINUS SIGN}10302 \N{PLUS-MINUS SIGN} 29"),
        (5.436, None, "5.44"),
        (1234.5, None, "1234"),
        (0.0, None, "0"),
        (2.0, 0.0, "2.00"),
    ],
)
def test_rounding_keeps_two_digits_of_the_half_width(mean, half, text):
    assert style.rounded(mean, half) == text
