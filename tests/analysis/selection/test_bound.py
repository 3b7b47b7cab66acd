"""Figure 8 with a tighter bound of log p(x) in place of the ELBO."""

import numpy as np
import pytest

from analysis import figures
from analysis.__main__ import main
from analysis.errors import ResultsError
from analysis.selection.bound import with_bound


def test_the_bound_replaces_the_elbo(frame):
    measured = frame.assign(iwae_100=frame["test_elbo"] + 3.0, iwae_images=100)
    changed = with_bound(measured, "iwae_100")
    table, before = figures.numbers("fig8", changed), figures.numbers("fig8", measured)
    np.testing.assert_allclose(table["mean"], before["mean"] - 3)
    assert set(table["bound"]) == {"iwae_100"} and "bound" not in before
    left = figures.draw("fig8", changed).axes[0]
    assert left.get_ylabel() == "negative iwae_100\n(nats per image)"
    assert "test ELBO" in figures.draw("fig8", measured).axes[0].get_ylabel()
    assert measured["test_elbo"].equals(frame["test_elbo"])


def test_the_figure_uses_the_bound_at_every_width(frame):
    last = frame["n_c"] == frame["n_c"].max()
    measured = frame.assign(iwae_1000=frame["test_elbo"].where(~last, -1e6), iwae_images=100)
    worst = figures.numbers("fig8", with_bound(measured, "iwae_1000"))
    assert worst.loc[worst["n_c"] == worst["n_c"].max(), "mean"].tolist() == [1e6]


@pytest.mark.parametrize(
    ("bound", "message"),
    [("fid", "fid is not one. Choose"), ("iwae_100", "not measured .*evaluate --metric iwae_100")],
)
def test_other_columns_and_unmeasured_bounds_are_refused(frame, bound, message):
    with pytest.raises(ResultsError, match=message):
        with_bound(frame, bound)


def test_bounds_over_different_images_are_not_joined(frame):
    images = np.where(frame["seed"] == 0, 100, 1000)
    with pytest.raises(ResultsError, match="iwae_images 100"):
        with_bound(frame.assign(iwae_100=-1.0, iwae_images=images), "iwae_100")


def test_the_option_bound_belongs_to_figure_8_alone(study, capsys):
    assert main(["fig7", "--results", str(study), "--bound", "iwae_100"]) == 2
    assert "fig8 --bound iwae_100" in capsys.readouterr().err
    assert main(["fig8", "--results", str(study), "--bound", "iwae_100"]) == 2
    assert "evaluate --metric iwae_100" in capsys.readouterr().err
    assert main(["fig8", "--results", str(study), "--bound", "train_elbo"]) == 0
    made = (study / "figures" / "fig8.csv").read_text()
    assert made.splitlines()[1].count("train_elbo") == 1
