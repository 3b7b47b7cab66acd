"""All figures: readable text at the widths of a column and a page; refusals of other results."""

from itertools import combinations
from pathlib import Path

import matplotlib.text
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import analysis
from analysis import figures, results, style
from analysis.errors import ResultsError

PUBLISHED = Path(analysis.__file__).parent / "published"
ALL = PUBLISHED / "digits" / "all.parquet"
OWN = {  # files of figures for which all.parquet has no rows
    "fig4l": PUBLISHED / "cifar10-small" / "downstream.parquet",
    "fig19": PUBLISHED / "cifar10-small" / "downstream.parquet",
    "fig10": PUBLISHED / "mnist-small" / "data_sources.parquet",
    "learning_rate": PUBLISHED / "digits-replicates" / "learning_rate.parquet",
    "worth": PUBLISHED / "digits-replicates" / "data_scaling.parquet",
    "readings": PUBLISHED / "digits-replicates" / "readings.parquet",
    "tuned": PUBLISHED / "digits-replicates" / "double_descent_tuned.parquet",
}
ELSEWHERE = {  # figures of images, other data sets, or columns that digits' old rows lack
    *("fig9", "fig11", "fig12", "fig17", "samples"),
    "search",
}
NAMES = [name for name in figures.names() if name not in ELSEWHERE]
TOUCH = 1.0  # pixels by which boxes of text, which have margins, may overlap


def texts(figure):
    """Returns every visible text with its box in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = []
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip() and not hidden(figure, text):
            # without the arrow of an annotation
            box = matplotlib.text.Text.get_window_extent(text, renderer)
            found.append((text, box))
    return found


def hidden(figure, text):
    """Returns whether a text is a tick label beyond its axis, or of an axis that is off."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            own = [tick for tick in (*axis.majorTicks, *axis.minorTicks)
                   if text in (tick.label1, tick.label2)]  # fmt: skip
            if own:
                low, high = sorted(axis.get_view_interval())
                room = 1e-9 * (high - low)
                return not ax.axison or not low - room <= own[0].get_loc() <= high + room
    return False


@pytest.fixture(scope="module")
def frames():
    """Reads the results of each file once, and keeps the frames of figures."""
    return {path: results.load(path) for path in {ALL, *OWN.values()}}


def drawn(name, width, frames):
    if name not in frames:
        path = OWN.get(name, ALL)
        frames[name] = figures.load(name, path, frames[path])
    return figures.draw(name, frames[name], "a note", width)


@pytest.mark.parametrize("width", [3.25, 6.75])
@pytest.mark.parametrize("name", NAMES)
def test_text_is_readable(name, width, frames):
    figure = drawn(name, width, frames)
    assert figure.get_figwidth() == width
    found = texts(figure)
    assert len(found) > 5
    small = [t.get_text() for t, _ in found if t.get_fontsize() < style.SMALLEST]
    assert not small
    pixels = figure.dpi / 72
    page = figure.bbox.padded(2 * pixels)
    inside = [page.contains(b.x0, b.y0) and page.contains(b.x1, b.y1) for _, b in found]
    outside = [text.get_text() for (text, _), yes in zip(found, inside, strict=True) if not yes]
    assert not outside
    over = [
        (a.get_text(), b.get_text())
        for (a, first), (b, second) in combinations(found, 2)
        if first.padded(-TOUCH).overlaps(second.padded(-TOUCH))
    ]
    assert not over


def test_a_column_has_its_panels_above_each_other(frames):
    wide, narrow = drawn("fig2", 6.75, frames), drawn("fig2", 3.25, frames)
    assert len({round(ax.get_position().x0, 2) for ax in wide.axes}) > 1
    spots = [ax.get_subplotspec().colspan.start for ax in narrow.axes]
    assert set(spots) == {0} and narrow.get_figheight() > 2 * wide.get_figheight()
    titles = [ax.get_title(loc="left") for ax in sorted(
        narrow.axes, key=lambda ax: ax.get_subplotspec().rowspan.start)]  # fmt: skip
    assert [title[:3] for title in titles if title] == ["(a)", "(b)", "(c)"]


@pytest.mark.parametrize("width", [0.5, 2.9, 21.0])
def test_widths_that_are_too_small_to_read_are_refused(width, frames):
    with pytest.raises(ResultsError, match="is not readable. Choose --width 3.25"):
        drawn("table7", width, frames)


@pytest.mark.parametrize("name", [n for n in figures.names() if n not in ("fig1", "fig18")])
def test_results_without_vaes_are_refused_in_a_sentence(name):
    classifiers = PUBLISHED / "digits" / "two_sample.parquet"
    with pytest.raises(ResultsError, match=r"\. "):
        figures.numbers(name, figures.load(name, classifiers))


def test_panels_that_share_a_label_each_have_it_in_a_column(frames):
    """The axes of the two sources, without that of the colours."""
    axes = drawn("heat", 3.25, frames).axes[:2]
    assert [ax.get_ylabel() for ax in axes] == [style.LABELS["m_z"]] * 2
