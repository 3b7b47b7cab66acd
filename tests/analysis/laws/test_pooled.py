"""Fits to all replicates: offsets between them, and what holding a number costs."""

import numpy as np
import pytest

from analysis.laws.fit import DELTA, EFFICIENT
from analysis.laws.pooled import Pooled

SIZES = np.array([617.0, 2177.0, 8177.0, 31697.0, 124817.0])
TRUTH = 95 + 300 * SIZES**-0.4


def losses(shift=0.0, n=5, own=0.1):
    return TRUTH + shift + np.random.default_rng(0).normal(0, own, (n, 5))


def test_offsets_between_replicates_move_neither_threshold_nor_law():
    y = losses()
    steps = np.exp(np.array([[-0.05], [-0.02], [0.0], [0.02], [0.05]]))
    plain, apart = Pooled(SIZES, y), Pooled(SIZES, y * steps)
    assert apart.delta == pytest.approx(plain.delta)
    assert apart.fit().exponent == pytest.approx(plain.fit().exponent, rel=1e-3)
    for a, b in zip(plain.left_out(plain.fit()), apart.left_out(apart.fit()), strict=True):
        assert b.exponent == pytest.approx(a.exponent, rel=1e-3)


def test_losses_that_are_not_positive_are_aligned_as_they_are():
    y = losses(-200.0)
    steps = np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]])
    plain, apart = Pooled(SIZES, y).fit(), Pooled(SIZES, y + steps).fit()
    assert apart.exponent == pytest.approx(plain.exponent, rel=1e-3)
    assert apart.floor == pytest.approx(plain.floor, rel=1e-3)


def test_the_threshold_is_that_of_the_noise_within_replicates():
    y = TRUTH * np.exp(np.random.default_rng(1).normal(0, 0.01, (200, 5)))
    assert Pooled(SIZES, y).delta == pytest.approx(EFFICIENT * 0.01, rel=0.1)
    one = Pooled(SIZES, y[:1])
    assert one.delta == DELTA and one.left_out(one.fit()) == ()


def test_holding_the_truth_costs_as_much_as_noise_does():
    """The rise is a squared t value: 200 of them have about the mean 1 and 5 % beyond 95 %."""
    rng = np.random.default_rng(2)
    rises = []
    for _ in range(200):
        pooled = Pooled(SIZES, TRUTH * np.exp(rng.normal(0, 0.003, (5, 5))))
        rises.append(pooled.rise(pooled.fit(), exponent=0.4) / pooled.noise(0.95))
    assert 0.01 <= np.mean(np.array(rises) > 1) <= 0.10
    assert pooled.df == 16
    assert pooled.rise(pooled.fit(), floor=0.0) > 10 * pooled.noise(0.99) > pooled.noise(0.95)
