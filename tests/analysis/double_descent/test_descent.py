"""The verdict on double descent: moves by hand, coverage by simulation, and left-out trials."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.double_descent.descent import crossfit, locate, p_values, sizes, verdict
from analysis.double_descent.verdicts import lines, verdict_lines
from analysis.errors import ResultsError
from analysis.statistics.intervals import t_half_width
from analysis.statistics.planned import FAILS, HOLDS, UNDECIDED

PATH = [(1, 2), (1, 4), (1, 8), (1, 16), (1, 32), (2, 32), (4, 32), (8, 32), (16, 32), (16, 64)]
DIGITS = np.array([108.4, 97.9, 96.2, 97.3, 99.1, 98.5, 98.3, 98.0, 95.9, 97.0])
U_THEN_FLAT = np.array([108, 98, 96, 97, 99, 99, 99, 99, 99, 99.0])


def _simulate(truth, seeds, n=4000, noise=0.8):
    """Draws (n, seeds, points) of a curve with additive seeds and noise."""
    rng = np.random.default_rng(seeds)
    offsets = rng.normal(size=(n, seeds, 1))
    return np.asarray(truth) + offsets + noise * rng.normal(size=(n, seeds, len(truth)))


def _frame(make, truth, seeds=5, noise=0.2):
    (y,) = _simulate(truth, seeds, n=1, noise=noise)
    return make(dict(zip(PATH, y.T.tolist(), strict=True)))


def _all_three(y):
    """Returns the share of data sets in which all three moves are significant."""
    moves = np.moveaxis(crossfit(y)[..., :3], -1, -2)
    return (moves.mean(axis=-1) > t_half_width(moves, shared_selection=True)).all(axis=-1).mean()


def test_the_located_moves_equal_those_by_hand():
    assert locate(np.array([9.0, 4, 2, 5, 8, 6, 1, 3])).tolist() == [2, 4, 6]
    assert locate(np.array([9.0, 9, 9, 9])).tolist() == [1, 2, 3]


def test_a_bump_after_a_steep_fall_is_located():
    """A small true bump follows a steep fall, which is larger than the bump's moves."""
    y = np.array([100.0, 80, 79, 40, 20, 10, 14, 9])
    assert locate(y).tolist() == [5, 6, 7]


def test_the_located_moves_equal_those_of_enumeration():
    for y in np.random.default_rng(0).normal(size=(200, 7)):
        triples = combinations(range(1, 7), 3)
        best = max(min(y[j] - y[i], y[j] - y[k]) for i, j, k in triples)
        i, j, k = locate(y)
        assert 0 < i < j < k
        assert min(y[j] - y[i], y[j] - y[k]) == pytest.approx(best)


def test_sizes_are_positive_in_a_double_descent():
    y = np.array([9.0, 2.0, 8.0, 1.0])
    assert sizes(y, np.array([1, 2, 3])).tolist() == [7.0, 6.0, 7.0, 1.0]


def test_a_seed_is_measured_at_places_chosen_by_the_others():
    y = _simulate(DIGITS, 3, n=1)[0]
    moved = y.copy()
    moved[0] += np.random.default_rng(1).normal(size=10)
    at = locate((y[1] + y[2]) / 2)
    np.testing.assert_allclose(crossfit(y)[0], sizes(y[0], at))
    np.testing.assert_allclose(crossfit(moved)[0], sizes(moved[0], at))


def test_flat_curves_rarely_speak_against_double_descent():
    found = [p_values(y).fails for y in _simulate(np.zeros(10), 5, n=1000)]
    assert np.mean(np.array(found) <= 0.05) < 0.05


def test_crossfit_is_unbiased_where_nothing_moves():
    y = _simulate(np.zeros(10), 3, n=20_000)
    picked_on_the_same = sizes(y.mean(axis=1), locate(y.mean(axis=1))).mean(axis=0)
    assert (picked_on_the_same[1:3] > 1).all()  # cross-fitting prevents this bias
    assert np.abs(crossfit(y).mean(axis=(0, 1))).max() < 0.02


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("truth", [np.zeros(10), U_THEN_FLAT, DIGITS])
def test_crossfitted_intervals_cover_95_percent(truth, seeds):
    """A seed's true move is the true difference between the places where it is measured."""
    y = _simulate(truth, seeds)
    others = (y.sum(axis=1, keepdims=True) - y) / (seeds - 1)
    true = sizes(np.broadcast_to(truth, y.shape), locate(others)).mean(axis=1)
    moves = np.moveaxis(crossfit(y), -1, -2)
    error = np.abs(moves.mean(axis=-1) - true)
    covered = (error <= t_half_width(moves, shared_selection=True)).mean(axis=0)
    assert (covered > 0.935).all() and (covered < 0.992).all()
    plain = (error <= t_half_width(moves)).mean(axis=0)
    assert plain.min() < 0.94  # the correction prevents this


@pytest.mark.parametrize("seeds", [3, 5])
def test_no_double_descent_is_rarely_found(seeds):
    assert _all_three(_simulate(np.zeros(10), seeds)) < 0.002
    assert _all_three(_simulate(np.linspace(10, 0, 10), seeds)) < 0.002
    assert _all_three(_simulate(U_THEN_FLAT, seeds)) < 0.035  # only the second descent is untrue


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_strong_double_descent_is_found(seeds):
    assert _all_three(_simulate(DIGITS, seeds, noise=0.1)) > 0.99


def test_the_verdict_on_a_known_frame(make):
    found = verdict(_frame(make, DIGITS, noise=0.05))
    assert (found.first_minimum, found.peak, found.second_minimum) == ((1, 8), (1, 32), (16, 32))
    assert found.units == [0, 1, 2, 3, 4] and found.points == 10 and not found.missing
    means = [move.crossfit.mean for move in found.moves]
    assert means == pytest.approx([12.2, 2.9, 3.2], abs=0.15)
    assert (found.decision.verdict, found.decision.n) == (HOLDS, 5)
    assert "(normal, 5 seeds on one data set, 10 points): holds, decided at" in found.sentence
    assert found.lower.crossfit.mean == pytest.approx(0.3, abs=0.15)
    for move in found.moves:
        assert move.crossfit.n == 5 and "4 df" in move.crossfit.method
        assert move.pooled.low < move.crossfit.mean < move.pooled.high


def test_each_source_has_its_gap(make):
    normal, y = _frame(make, DIGITS), [1.0, 1.0, 1.0]
    other = make({(1, 32): y, (16, 32): y}, source="dmaapx")
    assert list(verdict(pd.concat([normal, other])).gaps) == ["normal", "dmaapx"]


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_decide_nothing(make, seeds):
    found = verdict(_frame(make, DIGITS, seeds=seeds, noise=0.01))
    assert found.decision.verdict == UNDECIDED and found.decision.following == 5
    output = verdict_lines(found)
    assert "not decided" in output[0] and sum("< 3" in line for line in output) == 3
    assert not any("significant" in line for line in output)


def test_a_missing_move_is_named(make):
    found = verdict(_frame(make, U_THEN_FLAT, noise=0.3))
    assert found.weak == ["second descent"]
    assert found.decision.verdict == UNDECIDED
    assert "next planned n = 10; the second descent is not significant (95 %)" in found.sentence
    falling = verdict(_frame(make, np.linspace(20, 0, 10)))
    assert "rise" in falling.weak and not falling.shaped and falling.decision.verdict == FAILS
    assert "the mean has no such shape" in verdict_lines(falling)[1]


def test_a_point_of_fewer_seeds_is_left_out_and_no_seed_is(make):
    frame = _frame(make, DIGITS, seeds=5, noise=0.05)
    gone = (frame["m_z"] == 4) & (frame["seed"] == 2)
    found = verdict(frame[~gone])
    assert found.units == [0, 1, 2, 3, 4] and found.missing == ["(m_z=4, n_c=32): seed 2"]
    assert found.points == 9 and found.left_out == [(4, 32)]
    assert found.decision.verdict == HOLDS
    output = verdict_lines(found)[-1]
    assert "(m_z=4, n_c=32): seed 2" in output and "0, 1, 2, 3, 4" in output
    assert "Left out of the path, measured by fewer seeds: (m_z=4, n_c=32)" in output


def test_rows_of_another_study_cost_no_seed(make):
    """The study latent_width adds three seeds at m_z = 10 to these five."""
    frame = _frame(make, DIGITS, noise=0.05)
    other = make({(10, 32): [-97.0, -98.0, -99.0]})
    before, after = verdict(frame), verdict(pd.concat([frame, other], ignore_index=True))
    assert after.units == before.units and after.moves == before.moves
    assert after.decision == before.decision and after.left_out == [(10, 32)]


def test_a_seed_without_a_turn_of_the_path_does_not_count(make):
    frame = _frame(make, DIGITS, noise=0.05)
    corner = (frame["m_z"] == 1) & (frame["n_c"] == 32) & (frame["seed"] == 4)
    found = verdict(frame[~corner])
    assert found.units == [0, 1, 2, 3] and found.points == 10 and not found.left_out


def _drawn(frame, **fields):
    """Turns the seeds of a frame into replicates of one seed each."""
    return frame.assign(replicate=frame["seed"], seed=0, dataset="digits", **fields)


def test_replicates_between_planned_sizes_change_nothing(make):
    """Replicates 5 to 8 reach no planned size, so the first five decide."""
    frame = _drawn(_frame(make, DIGITS, seeds=9, noise=2.0), draws="disjoint sets")
    five = verdict(frame[frame["replicate"] < 5])
    nine = verdict(frame)
    assert nine.decision == five.decision and len(nine.units) == 9
    assert "9 data draws" in nine.sentence


def test_overlapping_splits_have_wider_intervals(make):
    frame = _frame(make, DIGITS)
    sizes = {"train_images": 300, "test_images": 1000, "drawn_from": 1600, "validation_images": 300}
    apart = verdict(_drawn(frame, draws="disjoint sets")).moves[1].crossfit
    splits = verdict(_drawn(frame, draws="random splits", **sizes)).moves[1].crossfit
    rho = 2 * 300 * 1000 / 1300 / 1600
    ratio = (splits.high - splits.low) / (apart.high - apart.low)
    assert ratio == pytest.approx(np.sqrt((9 / 20 + 2 * rho / (1 - rho)) / (9 / 20)))


def test_seeds_of_a_replicate_are_averaged_and_their_spread_is_given(make):
    draws = [_drawn(_frame(make, DIGITS + 0.1 * at), draws="disjoint sets") for at in range(3)]
    frames = [draw.assign(seed=at, key=draw["key"] + str(at)) for at, draw in enumerate(draws)]
    found = verdict(pd.concat(frames, ignore_index=True))
    assert found.level == "data draws, means of 3 seeds" and len(found.units) == 5
    assert "rise: sd between draws" in found.spread
    assert any("between seeds of a draw" in line for line in verdict_lines(found))


def _with_best(make, late, best):
    """Makes rows with the best validation ELBO at epoch 5, on another curve than at epoch 10."""
    early, last = (_frame(make, truth, noise=0.05) for truth in (best, late))
    early = early.assign(epoch=5, validation_elbo=-50.0)
    return pd.concat([early, last.assign(validation_elbo=-60.0)], ignore_index=True)


def test_the_verdict_names_the_peak_at_the_best_validation_epoch(make):
    falling = np.minimum.accumulate(DIGITS)
    for best, words in (
        (falling, "the peak is not shown there: the rise is not significant"),
        (U_THEN_FLAT, "not shown there: the second descent is not significant"),
        (DIGITS, "the peak survives"),
    ):
        assert any(words in line for line in lines(_with_best(make, DIGITS, best)))
    absent = "\n".join(lines(_frame(make, DIGITS)))
    assert "cannot be computed. validation_elbo is not measured" in absent


def test_points_without_any_seed_are_left_out(make):
    frame = _frame(make, DIGITS, noise=0.05)
    found = verdict(frame.assign(state=frame["state"].mask(frame["m_z"] == 4, "failed")))
    assert found.points == 9 and found.missing == ["(m_z=4, n_c=32): all seeds"]


def test_without_a_complete_seed_the_verdict_leaves_out_points_or_is_refused(make):
    frame = _frame(make, DIGITS, seeds=3)
    frame.loc[frame["m_z"] == frame["seed"].map({0: 2, 1: 4, 2: 8}), "state"] = "partial"
    found = verdict(frame)
    assert found.units == [0, 1, 2] and found.left_out == [(2, 32), (4, 32), (8, 32)]
    frame.loc[frame["n_c"] < 32, "state"] = "partial"
    with pytest.raises(ResultsError, match="No verdict: no draw of normal"):
        verdict(frame)


def test_the_verdict_has_at_most_fourteen_lines(make):
    frame = _frame(make, DIGITS, seeds=4)
    gone = frame["seed"].eq(3) & frame["n_c"].lt(32)
    other = make(dict.fromkeys([(1, 32), (16, 32)], [1.0] * 3), source="dmaapx")
    assert len(lines(pd.concat([frame[~gone], other]))) <= 14
