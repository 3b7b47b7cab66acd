"""Intervals: by hand, compared with scipy, and coverage by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.intervals import (
    additive_residuals,
    over_seeds,
    residual_bootstrap,
    t_half_width,
    t_interval,
)


def test_the_t_interval_equals_that_by_hand():
    interval = t_interval([1.0, 2.0, 3.0])
    assert (interval.mean, interval.n) == (2.0, 3)
    assert interval.high - 2 == pytest.approx(4.302652729911275 / np.sqrt(3))
    assert 2 - interval.low == pytest.approx(interval.high - 2)


def test_one_sided_p_values_equal_scipys():
    x = np.random.default_rng(0).normal(size=7)
    found = t_interval(x)
    for bound in (-1.0, 0.0, 0.3):
        above = stats.ttest_1samp(x, bound, alternative="greater").pvalue
        assert found.above(bound) == pytest.approx(above)
        assert found.below(bound) == pytest.approx(1 - above)
    same = t_interval([2.0, 2.0, 2.0])  # without noise a difference of 0 shows nothing
    assert (same.above(1.0), same.below(1.0)) == (0.0, 1.0)
    assert (same.above(2.0), same.below(2.0)) == (1.0, 1.0)


def test_the_t_interval_equals_scipys():
    x = np.random.default_rng(0).normal(size=7)
    low, high = stats.t.interval(0.95, 6, loc=x.mean(), scale=stats.sem(x))
    interval = t_interval(x)
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_one_seed_has_no_interval_and_decides_nothing():
    one, none = t_interval([4.0]), t_interval([np.nan])
    assert (one.mean, one.n, one.method) == (4.0, 1, "single draw")
    assert np.isnan([one.low, one.high, none.mean]).all()
    assert (none.n, none.method) == (0, "not measured")
    assert one.verdict == "not decided (n = 1 < 3)"


def test_two_seeds_decide_nothing_however_clear():
    interval = t_interval([100.0, 100.001])
    assert interval.low > 99 and interval.sign == 0
    assert interval.verdict == "not decided (n = 2 < 3)"


@pytest.mark.parametrize(
    ("values", "sign", "verdict"),
    [
        ([9.0, 10.0, 11.0], 1, "significant"),
        ([-9.0, -10.0, -11.0], -1, "not significant"),
        ([-1.0, 0.0, 2.0], 0, "not significant"),
    ],
)
def test_an_interval_has_a_sign_and_a_verdict(values, sign, verdict):
    interval = t_interval(values)
    assert (interval.sign, interval.verdict) == (sign, verdict)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_t_interval_covers_95_percent(n):
    x = np.random.default_rng(1).normal(3.0, 2.0, size=(20_000, n))
    covered = np.abs(x.mean(axis=1) - 3.0) <= t_half_width(x)
    assert covered.mean() == pytest.approx(0.95, abs=0.006)


def test_shared_selection_widens_by_its_formula():
    x = np.array([1.0, 2.0, 4.0])
    ratio = t_half_width(x, shared_selection=True) / t_half_width(x)
    assert ratio == pytest.approx(np.sqrt((1 / 3 + 1 / 2) / (1 / 3)))


def test_intervals_over_seeds_are_per_group():
    frame = pd.DataFrame(
        {
            "m_z": [1, 1, 1, 2, 2, 4],
            "seed": [0, 1, 2, 0, 1, 0],
            "elbo": [1.0, 2.0, 3.0, 5.0, np.nan, np.nan],
        }
    )
    table = over_seeds(frame, ["m_z"], "elbo")
    assert table["m_z"].tolist() == [1, 2]  # nothing measured at 4
    assert table["mean"].tolist() == [2.0, 5.0] and table["n"].tolist() == [3, 1]
    assert table["method"].tolist() == ["t, 2 df", "single draw"]
    assert table[["seed_0", "seed_1", "seed_2"]].to_numpy()[0].tolist() == [1.0, 2.0, 3.0]
    assert table["low"].isna().tolist() == [False, True]


def test_additive_residuals_do_not_depend_on_points_or_seeds():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 9))
    y = noise + rng.normal(size=(4, 1)) + rng.normal(size=9)
    np.testing.assert_allclose(additive_residuals(y), additive_residuals(noise), atol=1e-12)
    assert additive_residuals(y).sum(axis=0) == pytest.approx(0)
    assert additive_residuals(y).sum(axis=1) == pytest.approx(0)


def test_the_residual_bootstrap_is_near_tukeys_range_for_normal_noise():
    """The largest of all pairs follows the studentized range, here with 4 * 9 df."""
    y = np.random.default_rng(2).normal(size=(5, 10))
    s = np.sqrt((additive_residuals(y) ** 2).sum() / 36)
    tukey = stats.studentized_range.ppf(0.95, 10, 36) * s / np.sqrt(5)
    assert residual_bootstrap(y) == pytest.approx(tukey, rel=0.1)


@pytest.mark.parametrize("n", [3, 5])
def test_the_residual_bootstrap_covers_all_pairs_at_once(n):
    rng = np.random.default_rng(n)
    y = rng.normal(size=(300, n, 8)) + rng.normal(size=(300, n, 1))
    widest = np.ptp(y.mean(axis=1), axis=-1)  # the largest error: all true differences are 0
    half = np.array([residual_bootstrap(one, draws=400, seed=i) for i, one in enumerate(y)])
    assert 0.91 <= (widest <= half).mean() <= 0.985


def test_the_residual_bootstrap_scales_and_repeats():
    y = np.random.default_rng(0).normal(size=(3, 6))
    assert residual_bootstrap(y) == residual_bootstrap(y)
    assert residual_bootstrap(10 * y + 3) == pytest.approx(10 * residual_bootstrap(y))
    assert residual_bootstrap(np.zeros((3, 6))) == 0
    assert np.isnan(residual_bootstrap(y[:1]))
