"""Error rates of statements, by a simulation with fewer draws than the benchmark."""

import numpy as np
import pytest

from analysis.statistics.overlap import overlap
from tests.benchmarks import error_rates
from tests.benchmarks.error_rates import EQUAL, U, correlation, covered, covered_splits, declared


@pytest.mark.parametrize(("n", "seeds", "between"), [(5, 1, 1.0), (10, 3, 1.5), (5, 1, 0.0)])
def test_intervals_cover_at_a_fixed_n(n, seeds, between):
    """Replicates, replicates of several seeds, and seeds of one data set reach 95 %."""
    assert covered(n, seeds, between, 20_000) == pytest.approx(0.95, abs=0.006)


def test_splits_of_one_pool_are_covered_as_assumed_and_not_without_correction():
    right = error_rates.BETWEEN["harmonic"]
    assert right == overlap(300, 1000, 1600)
    assert covered_splits(5, EQUAL, right, 600) > 0.92
    assert covered_splits(5, EQUAL, 0.0, 600) < 0.88


@pytest.mark.parametrize("shared", [0.0, correlation(EQUAL)])
def test_no_second_descent_is_rarely_declared_one_over_all_looks(shared):
    assert declared(U, shared, 600) < 0.05


def test_without_the_correction_the_verdict_is_wrong_too_often(monkeypatch):
    monkeypatch.setitem(error_rates.BETWEEN, "harmonic", 0.0)
    assert declared(U, correlation(EQUAL), 300) > 0.08


def test_a_strong_double_descent_is_declared():
    truth = np.array([130, 100, 92, 96, 110, 108, 104, 98, 88, 92.0])
    assert declared(truth, 0.0, 100) > 0.95
