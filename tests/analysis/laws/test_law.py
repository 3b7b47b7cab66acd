"""Laws of made-up replicates: coverage of intervals, turns, refusals, extrapolation."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.laws.law import Curve, Law, Refusal, law
from analysis.statistics.intervals import t_interval

SIZES = np.array([617.0, 2177.0, 8177.0, 31697.0, 124817.0])
E, A, ALPHA = 95.0, 300.0, 0.4


def truth(sizes):
    return E + A * sizes**-ALPHA


def curve(y, sizes=SIZES, stopped=()):
    return Curve("normal", "normal", sizes, np.asarray(y), tuple(range(len(y))), stopped)


def drawn(rng, n=5, sizes=SIZES, shared=0.5, own=0.5):
    """Draws replicates: a step that all sizes share, and noise of each trial."""
    shared_step = rng.normal(0, shared, (n, 1))
    return truth(sizes) + shared_step + rng.normal(0, own, (n, len(sizes)))


def fitted(measured):
    """Returns the law of a curve that has one."""
    found = law(measured)
    assert isinstance(found, Law)
    return found


def refused(measured):
    """Returns the reason why a curve has no law."""
    found = law(measured)
    assert isinstance(found, Refusal)
    return found.sentence


@pytest.mark.parametrize("n", [3, 5])
def test_intervals_cover_the_truth(n):
    """With 60 draws at 95 % the probability of fewer than 52 hits is 0.5 %."""
    rng = np.random.default_rng(n)
    found = [law(curve(drawn(rng, n))) for _ in range(60)]
    laws = [one for one in found if isinstance(one, Law)]
    assert len(laws) >= 57
    hits = [one.exponent.low <= ALPHA <= one.exponent.high for one in laws]
    floors = [one.floor.low <= E <= one.floor.high for one in laws]
    ends = [one.held_out[0].error for one in laws]
    predicted = [error.low <= 0 <= error.high for error in ends]
    for shares in (hits, floors, predicted):
        assert np.mean(shares) >= 52 / 60
    assert np.mean([one.exponent.high - one.exponent.low for one in laws]) < 1.0


def test_the_band_contains_the_curve():
    rng = np.random.default_rng(7)
    x = np.geomspace(SIZES[0], SIZES[-1], 7)
    inside = []
    for _ in range(30):
        low, high = fitted(curve(drawn(rng))).band(x)
        inside.append((low <= truth(x)) & (truth(x) <= high))
    assert np.mean(inside) >= 0.88


def test_a_shared_step_of_replicates_costs_no_precision():
    """Data sets that are harder at every size do not change the exponent."""
    rng = np.random.default_rng(0)
    y = drawn(rng, shared=0.0)
    steps = np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]])
    plain, shifted = fitted(curve(y)), fitted(curve(y + steps))
    wide = [one.exponent.high / one.exponent.low for one in (plain, shifted)]
    assert wide[1] < 1.5 * wide[0]
    assert shifted.exponent.mean == pytest.approx(plain.exponent.mean, rel=0.1)


def test_a_turn_ends_the_range():
    sizes = np.geomspace(600, 3e6, 8)
    y = truth(sizes) + np.array([0, 0, 0, 0, 0, 0, 4, 6])
    rng = np.random.default_rng(0)
    y = y + rng.normal(0, 0.05, (5, 8))
    found = fitted(curve(y, sizes))
    assert found.used == 6
    assert found.exponent.low < ALPHA < found.exponent.high


def test_double_descent_is_no_power_law():
    y = np.array([109.0, 100.0, 96.0, 97.0, 99.6]) + np.random.default_rng(0).normal(0, 0.2, (5, 5))
    sentence = refused(curve(y))
    assert "it turns at 8,177" in sentence and "no power law" in sentence


def test_noise_alone_looks_like_a_turn_in_at_most_one_of_twenty():
    """The law has a plateau, where noise alone moves the means up and down."""
    rng = np.random.default_rng(3)
    steep = np.array([130.0, 110.0, 101.0, 100.0, 100.0, 100.0])
    sizes = np.geomspace(600, 1e6, 6)
    cut = 0
    for _ in range(60):
        found = law(curve(steep + rng.normal(0, 0.5, (5, 6)), sizes))
        cut += isinstance(found, Refusal) or found.used < 6
    assert cut <= 7  # the probability of more is 0.1 % if the rate is 5 %


def test_a_curve_that_does_not_fall_has_no_law():
    y = 100 + np.random.default_rng(1).normal(0, 1, (5, 5))
    assert "does not fall beyond the noise" in refused(curve(y))
    assert "it has 3 sizes, and a law needs 4" in refused(curve(y[:, :3], SIZES[:3]))


def test_replicates_that_lack_a_size_do_not_count():
    y = drawn(np.random.default_rng(0), n=6)
    y[5, 2] = np.nan
    found, complete = fitted(curve(y)), fitted(curve(y[:5]))
    assert found.curve.units == (0, 1, 2, 3, 4)
    assert found.exponent == complete.exponent
    y[:, 1] = np.nan
    sentence = refused(curve(y, stopped=(617.0, 617.0)))
    assert "no replicate is finished at all" in sentence
    assert "2 trials ended early" in sentence


def test_one_replicate_has_a_law_without_an_interval():
    found = fitted(curve(truth(SIZES)[None]))
    assert found.exponent.mean == pytest.approx(ALPHA, rel=0.02)
    assert np.isnan(found.exponent.low) and np.isnan(found.band(SIZES)[0]).all()


def test_a_bad_trial_hardly_moves_a_law_of_replicates_far_apart():
    y = drawn(np.random.default_rng(0), shared=0.0, own=0.05)
    y = y + np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]])
    clean = fitted(curve(y)).fit
    y[2, 1] += 1.0
    assert fitted(curve(y)).fit.exponent == pytest.approx(clean.exponent, rel=0.1)


def test_a_law_of_many_replicates_far_apart_is_as_exact_as_its_noise():
    rng = np.random.default_rng(2)
    found = fitted(curve(drawn(rng, n=10, shared=3.0, own=0.05)))
    assert found.exponent.high / found.exponent.low < 1.2
    assert found.exponent.low < ALPHA < found.exponent.high


def test_overlapping_splits_widen_every_interval():
    y = drawn(np.random.default_rng(0), own=0.1)
    plain, wider = fitted(curve(y)), fitted(replace(curve(y), overlaps=(0.1, 0.2, 0.3, 0.4, 0.2)))
    times = np.sqrt(1 + 5 * 0.4)
    halves = [np.log(one.exponent.high / one.exponent.low) for one in (plain, wider)]
    assert halves[1] == pytest.approx(times * halves[0])
    bands = [np.subtract(*one.band(SIZES)) for one in (plain, wider)]
    assert bands[1] == pytest.approx(times * bands[0])
    errors = [one.held_out[0].error for one in (plain, wider)]
    assert errors[1].high - errors[1].mean == pytest.approx(
        times * (errors[0].high - errors[0].mean)
    )
    assert "overlapping splits, variance times 3" in wider.floor.method


def test_overlapping_splits_need_a_larger_rise_to_turn():
    y = 100 - np.array([0, 6, 9, 10, 9.0]) + np.random.default_rng(4).normal(0, 0.4, (5, 5))
    assert "it turns at" in refused(replace(curve(y[:, 1:], SIZES[1:])))
    again = law(replace(curve(y[:, 1:], SIZES[1:]), overlaps=(1.0,) * 4))
    assert isinstance(again, Law) or "turns" not in again.sentence


def test_an_extrapolation_that_fails_is_detected():
    """The largest size is 3 nats above the law of the others."""
    y = drawn(np.random.default_rng(0), shared=0.0, own=0.05)
    y[:, -1] += 1.0
    (held,) = fitted(curve(y)).held_out
    assert held.size == SIZES[-1]
    assert held.error.high < 0
    assert held.measured == pytest.approx(t_interval(y[:, -1]).mean)
    assert held.error.mean == pytest.approx(held.predicted - held.measured)


def test_with_more_sizes_more_are_held_out():
    sizes = np.geomspace(600, 1e6, 8)
    found = fitted(curve(drawn(np.random.default_rng(0), sizes=sizes, own=0.1), sizes))
    assert [held.size for held in found.held_out] == pytest.approx(sizes[-2:])
    four = fitted(curve(drawn(np.random.default_rng(0), own=0.1)[:, :4], SIZES[:4]))
    assert four.held_out == ()
