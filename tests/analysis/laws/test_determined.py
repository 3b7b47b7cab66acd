"""What the data determine: plateaus, laws without a floor, straight lines in log x."""

import numpy as np
import pytest

from analysis.laws.determined import floor_is_open, intervals, why_not
from analysis.laws.pooled import Pooled

SIZES = np.geomspace(600.0, 1.5e5, 5)


def made(mean, sd, n=5, seed=0):
    """Returns the fits to n replicates of a mean with relative noise."""
    noise = np.random.default_rng(seed).normal(0, sd, (n, len(mean)))
    pooled = Pooled(SIZES[: len(mean)], mean + np.abs(mean) * noise)
    found = pooled.fit()
    return pooled, found, pooled.left_out(found)


def reason(fits, overlap=0.0):
    pooled, found, left_out = fits
    return why_not(pooled, found, left_out, overlap)


def falling(alpha, floor=95.0, drop=13.0):
    return floor + drop * (SIZES / SIZES[0]) ** -alpha


@pytest.mark.parametrize("seed", range(4))
def test_on_a_plateau_every_large_exponent_fits(seed):
    sentence = reason(made(falling(6.0), 0.01, seed=seed))
    assert "these 5 sizes do not determine its exponent: alpha = " in sentence
    assert sentence.endswith("and any larger one fit within the noise.")


def test_a_line_in_log_x_has_no_exponent_if_losses_may_be_negative():
    line = -100 - 3 * np.log(SIZES / SIZES[0])
    sentence = reason(made(line, 0.005))
    assert "and any smaller one fit within the noise" in sentence


def test_one_left_out_fit_at_its_limit_is_enough():
    pooled, found, left_out = made(falling(0.4), 0.005)
    assert why_not(pooled, found, left_out, 0.0) == ""
    gone = type(found)(95.0, (1.0,), (20.0,), 0.0)
    assert "a fit runs to its limit" in why_not(pooled, found, (*left_out, gone), 0.0)


def test_overlapping_splits_determine_less():
    fits = made(falling(1.5), 0.006)
    assert reason(fits) == "" and "any larger one" in reason(fits, 20.0)


def test_without_a_floor_that_of_the_law_is_open():
    """Held at 0 and at the largest E that fits, the exponents are the ends of the interval."""
    pooled, found, left_out = made(falling(0.3, 0.0, 60.0), 0.01)
    assert floor_is_open(pooled, found, 0.0)
    alpha, floor, scale = intervals(pooled, found, left_out, 0.0, True)
    assert floor.low == 0.0 and 0.05 < floor.high < 10
    assert pooled.rise(found, floor=floor.high) == pytest.approx(pooled.noise(0.95), rel=0.05)
    for one, value in ((alpha, 0.3), (scale, 60 * SIZES[0] ** 0.3)):
        assert one.low < value < one.high and one.low < one.mean < one.high
    assert alpha.low < pooled.fit(floor=0.0).exponent
    assert pooled.fit(floor=floor.high).exponent < alpha.high


def test_a_floor_that_is_shown_at_95_percent_alone_is_open():
    """The law has no floor, and one draw in twenty shows one by chance."""
    pooled, found, _ = made(falling(0.3, 0.0, 60.0), 0.01, seed=38)
    assert pooled.noise(0.95) < pooled.rise(found, floor=0.0) < pooled.noise(0.99)
    assert floor_is_open(pooled, found, 0.0)


def test_two_replicates_have_no_interval_even_if_the_floor_is_open():
    pooled, found, left_out = made(falling(0.3, 0.0, 60.0), 0.01, n=2)
    assert np.isnan([one.low for one in intervals(pooled, found, left_out, 0.0, True)]).all()


def test_a_floor_that_is_seen_is_not_open():
    pooled, found, left_out = made(falling(0.5), 0.005)
    assert not floor_is_open(pooled, found, 0.0)
    _, floor, _ = intervals(pooled, found, left_out, 0.0, False)
    assert floor.low > 0 and "jackknife over 5 replicates, t, 4 df" in floor.method
    shifted = Pooled(SIZES, pooled.y - 200)
    assert not floor_is_open(shifted, shifted.fit(), 0.0)
