"""Figures 7 and 8: numbers, lines and labels, refusals, and files of all formats."""

from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from analysis import figures, style
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_interval
from tests.narrow import not_none


def _lines(ax):
    """Returns the lines of means, which have a line style."""
    return [line for line in ax.lines if line.get_linestyle() != "None"]


def _both(make):
    """Makes results of two sources on a small grid with a path."""
    y = {(1, 2): 9, (1, 4): 5, (1, 8): 7, (2, 8): 6, (4, 8): 4, (4, 16): 3, (4, 2): 9, (4, 4): 5}
    normal = {place: [value - 0.1, value + 0.1, value + 0.3] for place, value in y.items()}
    other = {place: [value - 1.0, value - 0.8] for place, value in y.items()}
    return pd.concat([make(normal), make(other, source="dmaapx")])


def test_the_figures_of_the_paper_and_others_are_known():
    drawn = [1, 2, 3, "4l", "4r", *range(5, 20)]  # all figures of the paper
    others = ["table7", "table11", *figures.BEYOND]
    assert figures.names() == [*(f"fig{n}" for n in drawn), *others]
    with pytest.raises(ResultsError, match="no figure 'fig20'.*fig18, fig19, table7"):
        figures.draw("fig20", pd.DataFrame())


def test_the_numbers_of_figure_7_are_means_and_intervals(make):
    table = figures.numbers("fig7", _both(make))
    a = table[(table["panel"] == "a") & (table["source"] == "normal")]
    assert a["n_c"].unique().tolist() == [8] and a["m_z"].tolist() == [1, 2, 4]
    expected = t_interval([-6.9, -7.1, -7.3])
    first = a.iloc[0]
    assert first["mean"] == pytest.approx(expected.mean)
    assert (first["low"], first["high"]) == pytest.approx((expected.low, expected.high))
    assert (first["n"], first["method"]) == (3, "t, 2 df")
    assert first[["seed_0", "seed_1", "seed_2"]].tolist() == [-6.9, -7.1, -7.3]
    c = table[table["panel"] == "c"]
    assert sorted(c["m_z"].unique()) == [1, 4]  # m_z=2 has only one n_c
    assert set(table["metric"]) == {"test_elbo", "generalization_gap"}
    other = table[(table["panel"] == "b") & (table["source"] == "dmaapx")]
    assert other["n"].tolist() == [2, 2, 2] and other["seed_2"].isna().all()


def test_the_numbers_of_figure_8_are_means_and_intervals(make):
    table = figures.numbers("fig8", _both(make))
    main = table[table["source"] == "normal"]
    assert main["order"].tolist() == [0, 1, 2, 3, 4, 5]
    assert main["phase"].tolist() == [1, 1, 1, 2, 2, 3]
    assert main["mean"].tolist() == pytest.approx([9.1, 5.1, 7.1, 6.1, 4.1, 3.1])
    assert main["parameters"].tolist() == [5, 17, 65, 66, 68, 260]
    roles = dict(zip(main["order"], main["role"], strict=True))
    assert roles == {0: "", 1: "first minimum", 2: "peak", 3: "", 4: "", 5: "second minimum"}
    other = table[table["source"] == "dmaapx"]
    assert other["mean"].tolist() == pytest.approx([8.1, 4.1, 6.1, 5.1, 3.1, 2.1])
    assert set(other["role"]) == {""}


def test_a_path_that_only_falls_has_no_marked_peak(make):
    falling = make({(1, 2): [9, 8], (1, 4): [7, 6], (2, 4): [5, 4], (4, 4): [3, 2], (4, 8): [1, 0]})
    assert set(figures.numbers("fig8", falling)["role"]) == {""}


def test_figure_7_draws_its_numbers(make):
    frame = _both(make)
    table, figure = figures.numbers("fig7", frame), figures.draw("fig7", frame)
    for ax, panel in zip(figure.axes, "abcd", strict=True):
        drawn = sorted(y for line in _lines(ax) for y in line.get_ydata())
        assert drawn == pytest.approx(sorted(table.loc[table["panel"] == panel, "mean"]))
        assert ax.get_xscale() == "log" and "nats per image" in ax.get_ylabel()
    ticks = [text.get_text() for text in figure.axes[2].get_xticklabels()]
    assert ticks == ["2", "4", "8", "16"]
    assert "m_z" in figure.axes[0].get_xlabel() and "n_c" in figure.axes[3].get_xlabel()


def test_figure_7_has_a_colour_per_m_z(make):
    axes = figures.draw("fig7", _both(make)).axes
    by_source = {line.get_color() for line in _lines(axes[0])}
    assert by_source == {style.SOURCE_COLOURS["normal"], style.SOURCE_COLOURS["dmaapx"]}
    rows = _lines(axes[2])
    assert {line.get_color() for line in rows} == set(style.m_z_colours([1, 4]).values())
    assert {line.get_linestyle() for line in rows} == {"-", "--"}


def test_figure_8_draws_its_numbers(make):
    frame = _both(make)
    table = figures.numbers("fig8", frame)
    right, left = figures.draw("fig8", frame).axes  # the path, then the number of parameters
    main = table[table["source"] == "normal"]
    points = {(x, y) for line in _lines(left) for x, y in zip(*line.get_data(), strict=True)}
    assert points == set(zip(main["parameters"].astype(float), main["mean"], strict=True))
    assert left.get_xscale() == "log" and left.get_ylim() == right.get_ylim()
    colours = {line.get_color() for line in _lines(right)}
    assert colours == {*style.PHASE_COLOURS.values(), style.SOURCE_COLOURS["dmaapx"]}
    labels = [text.get_text() for text in right.get_xticklabels()]
    assert labels == ["1\n2", "1\n4", "1\n8", "2\n8", "4\n8", "4\n16"]


@pytest.fixture(scope="module")
def shapes():
    """Returns the path's places, and curves of three shapes whose labels might overlap."""
    digits = [108.4, 97.9, 96.2, 97.3, 99.1, 98.5, 98.3, 98.0, 95.9, 97.0]
    steep = [15800, 11900, 10820, 10950, 11300, 10900, 10750, 10700, 10660, 10600]
    crowded = [108.4, 97.9, 96.2, 97.3, 98.4, 99.1, 99.2, 98.5, 95.6, 96.4]
    places = [(1, 2), (1, 4), (1, 8), (1, 16), (1, 32)]
    places += [(2, 32), (4, 32), (8, 32), (16, 32), (16, 64)]
    return places, {"digits": digits, "steep": steep, "crowded": crowded}


@pytest.mark.parametrize("shape", ["digits", "steep", "crowded"])
def test_labels_of_figure_8_overlap_neither_each_other_nor_the_data(make, shapes, shape):
    places, truths = shapes
    rng = np.random.default_rng(0)
    y = truths[shape] + 0.005 * np.ptp(truths[shape]) * rng.normal(size=(3, 10))
    frame = make({place: list(y[:, at]) for at, place in enumerate(places)})
    frame["parameters"] = 120 * frame["n_c"] ** 2 + 3 * frame["n_c"] * frame["m_z"]
    figure = figures.draw("fig8", frame, "a note")
    FigureCanvasAgg(figure).draw()
    left = figure.axes[0]
    named = [text for text in left.texts if isinstance(text, Annotation)]
    boxes = [Text.get_window_extent(text) for text in named]
    assert {"peak"} <= {text.get_text() for text in named}
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    table = figures.numbers("fig8", frame)
    marks = left.transData.transform(table[["order", "mean"]].to_numpy(dtype=float))
    assert not any(box.count_contains(marks) for box in boxes)
    window = left.get_window_extent()
    assert all(
        not_none(Bbox.intersection(box, window)).bounds == pytest.approx(box.bounds)
        for box in boxes
    )


def test_legends_cover_no_panel(make):
    for name in ("fig7", "fig8"):
        figure = figures.draw(name, _both(make))
        FigureCanvasAgg(figure).draw()
        own = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
        assert own or figure.legends
        for legend in [*own, *figure.legends]:
            box = not_none(legend).get_window_extent()
            assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)


def test_panels_are_aligned(make):
    for name, rows in (("fig7", [(0, 1), (2, 3)]), ("fig8", [(0, 1)])):
        figure = figures.draw(name, _both(make))
        FigureCanvasAgg(figure).draw()
        boxes = [ax.get_window_extent() for ax in figure.axes]
        for a, b in rows:
            assert (boxes[a].y0, boxes[a].y1) == pytest.approx((boxes[b].y0, boxes[b].y1))
    assert boxes[0].x1 < boxes[1].x0


def test_imported_samples_are_mentioned_and_two_precisions_refused(make):
    """The path compares widths, which must not differ in precision too."""
    frame = _both(make).assign(precision="float32", source_pool="digits-1-abc-e300")
    assert "imported" not in figures.draw("fig8", frame).get_supxlabel()
    frame.loc[frame["n_c"] == 8, "source_pool"] = "mine-0123456789ab"
    note = figures.draw("fig8", frame).get_supxlabel()
    assert "Samples (DMaaPx) are imported: mine-0123456789ab." in note
    frame.loc[frame["n_c"] == 8, "precision"] = "bf16"
    with pytest.raises(ResultsError, match="--where precision=float32"):
        figures.draw("fig8", frame)


def test_the_note_has_the_number_of_seeds_and_the_provenance(make):
    frame = _both(make)
    frame.loc[(frame["m_z"] == 2) & (frame["seed"] == 0), "state"] = "partial"
    note = figures.draw("fig8", frame, "commit abc").get_supxlabel()
    assert "3 seeds on one data set (dots)" in note and "10 epochs" in note
    assert note.endswith("commit abc")
    assert "Not finished: (m_z=2, n_c=8): seed 0" in note
    assert "Left out of the path, with fewer draws: (2, 8)" in note
    title = figures.draw("fig8", frame).legends[0].get_title().get_text().replace("\n", " ")
    assert "not decided, first planned n = 5" in title
    assert "cannot be computed" in note


def test_one_seed_has_dots_but_no_intervals(make):
    frame = _both(make)
    frame = frame[frame["seed"] == 0]
    for name in ("fig7", "fig8"):
        figure = figures.draw(name, frame)
        assert "no interval" in figure.get_supxlabel()
        assert figures.numbers(name, frame)["low"].isna().all()


def test_figure_7_can_have_one_axis_only(make):
    figure = figures.draw("fig7", make({(1, 2): [3, 4], (1, 4): [2, 3], (1, 8): [3, 3]}))
    assert not _lines(figure.axes[0]) and "too few" in figure.axes[0].texts[0].get_text()
    assert _lines(figure.axes[2])
    with pytest.raises(ResultsError, match="Figure 7 needs test_elbo at two m_z"):
        figures.draw("fig7", make({(1, 2): [3, 4]}))


def test_figures_that_cannot_be_drawn_say_why(make):
    with pytest.raises(ResultsError, match="needs test_elbo"):
        figures.draw("fig8", _both(make).drop(columns="test_elbo"))
    frame = _both(make)
    frame["state"] = frame["state"].where(frame["source"] != "normal", "partial")
    with pytest.raises(ResultsError, match="Fewer than two points"):
        figures.draw("fig8", frame)


def test_parameters_may_be_absent(make):
    figure = figures.draw("fig8", _both(make).drop(columns="parameters"))
    assert "not recorded" in figure.axes[1].texts[0].get_text()


def test_the_same_numbers_give_the_same_bytes(make, tmp_path):
    starts = {"pdf": b"%PDF", "svg": b"<?xml", "csv": b"order", "png": b"\x89PNG"}
    for folder in "ab":
        figures.save("fig8", _both(make), [tmp_path / folder / f"f.{name}" for name in starts])
    for name, start in starts.items():
        first, second = ((tmp_path / folder / f"f.{name}").read_bytes() for folder in "ab")
        assert first == second and first.startswith(start)


def test_the_csv_has_the_drawn_numbers(make, tmp_path):
    frame = _both(make)
    figures.save("fig7", frame, [tmp_path / "deep" / "fig7.csv"])
    table = pd.read_csv(tmp_path / "deep" / "fig7.csv")
    pd.testing.assert_frame_equal(table, figures.numbers("fig7", frame), check_dtype=False)


def test_unknown_format_is_refused_before_anything_is_written(make, tmp_path):
    with pytest.raises(ResultsError, match="no known format.*.pdf.*.csv"):
        figures.save("fig8", _both(make), [tmp_path / "a.csv", tmp_path / "a.jpeg"])
    assert not list(tmp_path.iterdir())


def test_the_global_style_is_not_changed(make, tmp_path):
    before = dict(matplotlib.rcParams)
    figures.save("fig7", _both(make), [tmp_path / "a.pdf"])
    assert dict(matplotlib.rcParams) == before
