"""Means over replicates, compared with scipy and with the final values of the figures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import curves
from analysis.statistics.intervals import t_interval
from analysis.statistics.overlap import overlap, overlap_of
from scaling.storage import means
from scaling.storage.tensorboard import Events
from tests.storage.test_tensorboard import read


def rows_of(values, every=8):
    return [
        {"epoch": every * (at + 1), "test_elbo": value, "parameters": 7}
        for at, value in enumerate(values)
    ]


def test_a_band_is_a_t_interval():
    values = [-95.0, -97.5, -96.0, -99.0]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert means.band(values) == pytest.approx((np.mean(values), low, high))
    assert means.band([-3.0]) == (-3.0, -3.0, -3.0)


def test_bands_allow_for_the_overlap_of_random_splits_as_the_analysis_does():
    sizes = {"train_images": 300, "test_images": 1000, "drawn_from": 1600, "validation_images": 300}
    row = {"epoch": 1, "draws": "random splits", "test_elbo": -1.0} | sizes
    runs = [([row | {"test_elbo": float(value)}], 1) for value in (3, 5, 10)]
    found = means.curve(runs)
    expected = t_interval([3, 5, 10], overlap=overlap(300, 1000, 1600))
    band = means.band(found.by_epoch[1]["test_elbo"], found.overlap)
    assert band == pytest.approx((expected.mean, expected.low, expected.high))
    for change in ({"draws": "disjoint sets"}, {"drawn_from": None}):
        assert means.overlap(row | change) == 0.0
    apart = row | {"drawn_from": 60_000}  # an official test set, the same in each draw
    assert means.overlap(apart) == pytest.approx(overlap(300, None, 60_000))
    assert means.overlap(apart) == overlap_of(pd.DataFrame([apart | {"dataset": "mnist"}]))


def test_final_values_equal_those_of_the_figures():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 40):
        rows = [{"epoch": 5 * (i + 1), "test_elbo": v} for i, v in enumerate(rng.normal(size=n))]
        frame = pd.DataFrame(rows).assign(key="a", gap=np.nan)
        frame.loc[0, "gap"] = 3.0  # measured once, early
        expected = curves.last_values(frame)
        assert means.final(rows, "test_elbo") == pytest.approx(expected["test_elbo"].item())
        records = frame.replace({np.nan: None}).to_dict("records")
        found = means.final([{str(n): v for n, v in row.items()} for row in records], "gap")
        assert found == expected["gap"].item()


def test_a_mean_is_over_the_trials_that_have_measured_the_epoch(tmp_path):
    runs = [(rows_of([-10.0, -8.0]), 16), (rows_of([-12.0]), 16)]
    with Events(tmp_path) as events:
        means.write(events, means.curve(runs))
    found = read(tmp_path)
    values = {e.step: e.value for e in found.Scalars("elbo/test_elbo")}
    assert values == {8: -11.0, 16: -8.0}
    assert [e.value for e in found.Scalars("replicates/measured")] == [2, 1]
    # from the trial that ended
    assert [e.value for e in found.Scalars("final/test_elbo")] == [-8.0]
    low = {e.step: e.value for e in found.Scalars("interval/test_elbo_low")}
    assert low[8] == pytest.approx(means.band([-10.0, -12.0])[1])


def test_the_steps_of_the_paths_curve_are_places_on_the_path(tmp_path):
    cells = [means.curve([(rows_of([value]), 8)] * 2) for value in (-108.0, -95.0, -99.0)]
    with Events(tmp_path) as events:
        means.write_path(events, [*cells[:2], None, cells[2]])
    found = read(tmp_path).Scalars("double_descent/negative_test_elbo")
    assert [(e.step, e.value) for e in found] == [(0, 108.0), (1, 95.0), (3, 99.0)]


def test_a_trial_that_has_not_ended_has_no_final_value():
    assert means.curve([(rows_of([-1.0, -2.0]), 24)]).finals == {}


def test_the_table_has_the_number_of_replicates_of_each_mean():
    text = means.table({"normal/mz01/nc008": {"test_elbo": [-96.0, -97.0]}})
    assert "| normal/mz01/nc008 | -96.5 (2) |" in text
