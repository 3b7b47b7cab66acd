"""Figures 4 (left) and 19: differences paired by seed, all corruptions, from rows alone."""

import numpy as np
import pytest

from analysis import figures, style
from analysis.errors import ResultsError
from analysis.figures import accuracies, fig19
from analysis.statistics.intervals import t_interval
from analysis.storage.compact import compact
from scaling.metrics import corruption
from tests.analysis.made_up import rows, source

CLASSIFIERS = ("logistic", "svm_linear", "svm_rbf", "knn")
CORRUPTIONS = ("fog", "snow", "overall")
METHODS = {"normal": 0.0, "dmaapx": 0.03, "aug_tuned": -0.02}


def accuracy(name, seed, corruption):
    """Returns an accuracy that differs much between seeds and little between methods."""
    own = 0.01 * {"normal": 0, "dmaapx": seed - 1, "aug_tuned": 2 * (seed - 1)}[name]
    return 0.4 + 0.1 * seed + METHODS[name] + own + 0.01 * CORRUPTIONS.index(corruption)


@pytest.fixture
def frame(studies):
    for name in METHODS:
        for seed in range(3):
            made = rows(1.0, 1.0, seed, data="jpeg")
            made[-1] |= {"corruptions": "generated"} | {
                f"accuracy_{c}__{corruption}": accuracy(name, seed, corruption)
                for c in CLASSIFIERS
                for corruption in CORRUPTIONS
            }
            studies.vae(made, seed, source=source(name))
    return studies.frame()


def test_figure_4_left_pairs_seeds_and_leaves_the_mixture_out(frame):
    table = figures.numbers("fig4l", frame)
    assert len(table) == 4 * 2 * 3  # for fog, snow and their mean
    here = table[(table["classifier"] == "knn") & (table["line"] == "aug_tuned")]
    assert here["corruption"].tolist() == ["snow", "fog", "mean"]
    expected = t_interval([-4.0, -2.0, 0.0])  # points
    for row in here.itertuples():
        assert (row.mean, row.low, row.n) == pytest.approx((expected.mean, expected.low, 3))
        assert (row.seed_0, row.seed_2) == pytest.approx((-4.0, 0.0), abs=1e-9)


def test_figure_4_left_draws_a_dot_per_corruption_and_seed(frame):
    figure = figures.draw("fig4l", frame)
    ax = figure.axes[0]
    for name, others in (("dmaapx", 3), ("aug_tuned", 3)):
        colour = style.SOURCE_COLOURS[name]
        dots = [line for line in ax.lines if line.get_color() == colour]
        assert sum(np.size(line.get_xdata()) for line in dots) == 4 * 2 * others
    blacks = [line for line in ax.lines if line.get_marker() == "_"]
    assert [np.asarray(line.get_ydata())[0] for line in blacks[:2]] == pytest.approx([3.0, -2.0])
    assert "Corruptions are generated" in figure.get_supxlabel()


def test_figure_19_has_all_corruptions_and_methods(frame):
    table, figure = figures.numbers("fig19", frame), figures.draw("fig19", frame)
    assert len(table) == 4 * 3 * 3
    best = table[table["best"]]
    assert set(best["line"]) == {"dmaapx"} and len(best) == 12
    row = table[(table["corruption"] == "overall") & (table["line"] == "normal")].iloc[0]
    each = [accuracy("normal", seed, "overall") for seed in range(3)]
    assert row["mean"] == pytest.approx(np.mean(each))
    ax = figure.axes[0]
    assert len(ax.get_yticks()) == 20 and ax.get_yticklabels()[-1].get_text().startswith(
        "one at random"
    )
    blue = [line for line in ax.lines if line.get_color() == style.SOURCE_COLOURS["normal"]]
    places = np.round(np.asarray(blue[0].get_ydata(), float))
    at = dict(zip(places, np.asarray(blue[0].get_xdata()), strict=True))
    assert at[19] == pytest.approx(np.mean(each)) and set(at) == {7, 9, 19}
    assert "DMaaPx 12" in figure.get_supxlabel()


@pytest.mark.parametrize("name", ["fig4l", "fig19"])
def test_a_parquet_file_gives_the_same_numbers(frame, results, name):
    loaded = figures.load(name, compact(results.close()))
    assert figures.numbers(name, loaded).equals(figures.numbers(name, frame))


@pytest.mark.parametrize("name", ["fig4l", "fig19"])
def test_without_accuracies_the_error_says_what_to_run(studies, name):
    studies.each_seed(800.0, 840.0)
    with pytest.raises(ResultsError, match="Run scaling-vae study downstream"):
        figures.draw(name, studies.frame())


def test_figure_4_left_needs_normal_training(frame):
    with pytest.raises(ResultsError, match="compares methods with normal training"):
        figures.numbers("fig4l", frame[frame["source"] != "normal"])


def test_every_column_of_the_metric_is_known():
    names = {f"accuracy_{c}__{n}" for c in accuracies.LABELS for n in fig19.ROWS}
    assert names == set(corruption.COLUMNS)


@pytest.mark.parametrize("name", ["fig4l", "fig19"])
@pytest.mark.parametrize("column", ["corruption_options", "corruptions"])
def test_accuracies_of_two_severities_are_not_joined(frame, name, column):
    mixed = frame.assign(**{column: np.where(frame["seed"] == 0, "severity=1", "defaults")})
    with pytest.raises(ResultsError, match=f"{column} .*severity=1"):
        figures.numbers(name, mixed)
