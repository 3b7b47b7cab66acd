"""Jackknife t intervals: that of a mean is the t interval, with the overlap of splits too."""

import numpy as np
import pytest

from analysis.laws.jackknife import half_width, in_logs, inflation, interval
from analysis.statistics.intervals import t_half_width


@pytest.mark.parametrize("overlap", [0.0, 0.4])
def test_the_interval_of_a_mean_is_the_t_interval(overlap):
    y = np.random.default_rng(0).normal(0, 1, (5, 3))
    left_out = np.array([np.delete(y, at, axis=0).mean(axis=0) for at in range(5)])
    assert half_width(left_out, overlap) == pytest.approx(t_half_width(y.T, overlap=overlap))
    one = interval(y[:, 0].mean(), left_out[:, 0].tolist(), overlap)
    assert one.high - one.mean == pytest.approx(float(t_half_width(y[:, 0], overlap=overlap)))
    assert one.mean - one.low == pytest.approx(one.high - one.mean)
    assert inflation(5, overlap) == 1 + 5 * overlap


def test_an_interval_in_logs_is_positive():
    one = in_logs(2.0, [1.0, 2.0, 4.0])
    assert 0 < one.low < 2 < one.high and one.low * one.high == pytest.approx(4)


def test_two_replicates_have_no_interval():
    one = interval(1.0, [0.9, 1.1])
    assert (one.n, one.method) == (2, "too few") and np.isnan([one.low, one.high]).all()
    assert interval(1.0, []).n == 1
