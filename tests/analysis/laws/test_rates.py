"""Coverage of laws and of what samples are worth, by a simulation smaller than the benchmark.

With 60 draws at 95 % the probability of fewer than 52 hits is 0.5 %.
"""

import numpy as np
import pytest

from analysis.statistics.overlap import overlap
from tests.benchmarks.law_rates import TRUTHS, correlated, offsets, published, rates, worth_covered

DRAWS, LEAST = 60, 52 / 60


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("sd", [0.3, 1.0])
def test_offsets_larger_than_the_noise_within_are_covered(sd, n):
    got = rates(offsets(sd), n, DRAWS)
    assert got.laws == 1.0 and min(got.alpha, got.floor, got.band) >= LEAST


@pytest.mark.parametrize("alpha", [0.3, 0.7])
def test_determined_laws_like_published_ones_are_not_refused(alpha):
    got = rates(published(alpha), 5, 40)
    assert got.laws >= 0.95 and min(got.alpha, got.floor) >= 33 / 40  # fewer: 0.3 %


@pytest.mark.parametrize("name", ["E 90, alpha 0.05", "E 0, alpha 0.3"])
def test_floors_that_are_not_determined_are_covered(name):
    got = rates(TRUTHS[name], 5, 15)
    assert got.laws == 1.0 and got.opened > 0.5
    assert min(got.alpha, got.floor) >= 12 / 15  # fewer: 0.5 %


def test_a_plateau_is_mostly_refused():
    assert rates(TRUTHS["alpha 3, noise 1"], 5, 30).laws < 0.5


def test_overlapping_splits_are_covered():
    got = rates(published(0.5, 0.29), 5, DRAWS)
    assert got.laws >= 0.9 and min(got.alpha, got.floor) >= LEAST


def test_worth_is_covered_with_the_overlap_of_its_splits_and_not_without():
    """With 400 draws at 95 % the probability of fewer than 368 hits is 0.4 %."""
    assert worth_covered(5, True, 400) >= 0.92
    assert worth_covered(5, False, 400) < 0.9
    assert worth_covered(10, False, 400) < 0.85


def test_noise_has_the_correlation_that_is_asked_for():
    drawn = np.array([correlated(np.random.default_rng(at), 2, 3, 0.4) for at in range(3000)])
    first, second = drawn[:, 0].ravel(), drawn[:, 1].ravel()
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.4, abs=0.05)
    assert first.var() == pytest.approx(1, abs=0.06)
    assert overlap(600, 1000, 1800) == pytest.approx(0.714, abs=1e-3)
