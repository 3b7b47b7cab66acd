"""The heat map over epochs and widths, and Figure 8 at the best validation epoch."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from analysis import curves, figures
from analysis.errors import ResultsError

EPOCHS = (10, 20, 30)
WIDTHS = {(1, 2): [9, 8, 7.0], (1, 8): [6, 5, 5.5], (1, 32): [5, 6, 8.0], (4, 32): [5, 4, 4.5]}


@pytest.fixture
def grown(make):
    """Makes three seeds at three epochs; the validation ELBO is 1 nat above the test ELBO."""
    frames = []
    for at, epoch in enumerate(EPOCHS):
        here = {place: [y[at] - 0.1, y[at], y[at] + 0.1] for place, y in WIDTHS.items()}
        frames.append(make(here).assign(epoch=epoch))
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(validation_elbo=frame["test_elbo"] + 1)


def test_the_numbers_over_epochs_and_widths_are_means(grown):
    table = figures.numbers("epochs", grown)
    assert set(table["m_z"]) == {1} and set(table["n"]) == {3}
    test = table[table["metric"] == "test_elbo"].pivot(index="epoch", columns="n_c", values="mean")
    expected = np.array([WIDTHS[1, n_c] for n_c in (2, 8, 32)]).T
    np.testing.assert_allclose(test.to_numpy(), expected)
    best = table[table["best"] & (table["metric"] == "validation_elbo")]
    assert dict(zip(best["n_c"], best["epoch"], strict=True)) == {2: 30, 8: 20, 32: 10}


def test_the_heat_map_shows_its_numbers(grown):
    figure = figures.draw("epochs", grown)
    panel = figure.axes[1]
    assert "test images" in panel.get_title(loc="left")
    shown = np.asarray(panel.collections[0].get_array())
    np.testing.assert_allclose(shown, -np.array([WIDTHS[1, n_c] for n_c in (2, 8, 32)]).T)
    assert "3 seeds on one data set" in figure.get_supxlabel()
    old = figures.draw("epochs", grown.drop(columns="validation_elbo"))
    assert "validation_elbo is not measured" in old.get_supxlabel()


def test_the_heat_map_has_epochs_at_their_true_distances(grown):
    """Rows are closer together at the end of training, and that must not look like more epochs."""
    late = grown.assign(epoch=grown["epoch"].replace({10: 28}))
    panel = figures.draw("epochs", late).axes[1]
    (mesh,) = panel.collections
    assert isinstance(mesh, QuadMesh)
    heights = np.unique(np.asarray(mesh.get_coordinates())[..., 1])
    np.testing.assert_allclose(heights, [16.0, 24.0, 29.0, 31.0])
    best = np.asarray(panel.lines[0].get_ydata())
    assert best.tolist() == [30, 20, 28]


def test_a_single_epoch_is_refused(grown):
    with pytest.raises(ResultsError, match="two n_c and two epochs"):
        figures.draw("epochs", grown[grown["epoch"] == 30])
    with pytest.raises(ResultsError, match="two n_c of one m_z"):
        figures.draw("epochs", grown[grown["n_c"] == 8])


def test_values_at_the_best_validation_epoch_are_its_test_elbos(grown):
    finals = curves.final(grown, epochs=curves.BEST)
    places = list(zip(finals["m_z"], finals["n_c"], strict=True))
    found = dict(zip(places, finals["epoch"], strict=True))
    assert found == {(1, 2): 30, (1, 8): 20, (1, 32): 10, (4, 32): 20}
    middle = finals[finals["seed"] == 1]
    lowest = {place: min(y) for place, y in WIDTHS.items()}
    pairs = zip(middle["m_z"], middle["n_c"], middle["test_elbo"], strict=True)
    assert {(m_z, n_c): -elbo for m_z, n_c, elbo in pairs} == pytest.approx(lowest)


def test_the_best_epoch_is_chosen_without_test_images(grown):
    """A test ELBO that is best at another epoch changes nothing."""
    moved = grown.assign(test_elbo=grown["test_elbo"].where(grown["epoch"] != 30, 0.0))
    before, after = (curves.final(frame, epochs=curves.BEST) for frame in (grown, moved))
    assert before["epoch"].tolist() == after["epoch"].tolist()
    with pytest.raises(ResultsError, match="cannot be chosen without test images"):
        curves.final(grown.drop(columns="validation_elbo"), epochs=curves.BEST)


def test_figure_8_has_the_last_and_the_best_epochs_curve(grown):
    table = figures.numbers("fig8", grown)
    assert table["at"].value_counts().to_dict() == {curves.LAST: 4, curves.BEST: 4}
    early = table[table["at"] == curves.BEST]
    assert early["mean"].tolist() == pytest.approx([min(y) for y in WIDTHS.values()])
    figure = figures.draw("fig8", grown)
    drawn = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert [np.asarray(line.get_ydata()).tolist() for line in drawn] == [
        pytest.approx(list(early["mean"]))
    ]
    assert any("best validation" in text.get_text() for text in figure.legends[0].get_texts())
