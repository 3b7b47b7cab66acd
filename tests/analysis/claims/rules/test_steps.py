"""Rules that test a claim in its own words: true, untrue and open results."""

import numpy as np
import pytest

from analysis.claims.rules.at_least import AtLeast, Mostly
from analysis.claims.rules.gains import SimilarGain
from analysis.claims.rules.judging import FAILS, HOLDS, UNDECIDED, Comparison, judge
from analysis.claims.rules.regions import BELOW
from analysis.claims.rules.rule import Differs, InEach
from analysis.claims.rules.shapes import DoubleDescends
from analysis.claims.rules.single_axis import NoDecline, NoDoubleDescent, smallest_move
from analysis.claims.rules.steps import Monotone
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import Along, Arm, Each
from analysis.claims.trials.cells import cells
from analysis.statistics.intervals import t_interval
from tests.analysis.claim_frames import SEEDS, frame, verdict

MIXED = Term("test_elbo", Arm(real_share=Along()))
DIGITS = [-99.9, -93.9, -92.8, -93.0, -93.5, -94.7]  # at real shares 1, .8, ... 0


def noisy(y, noise=0.1, n=5, seed=0):
    return y + noise * np.random.default_rng(seed).normal(size=n)


def mixtures(values, noise=0.1):
    shares = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
    return [
        frame({(1, 8): noisy(y, noise, seed=at)}, real_share=share, k=10 if share < 1 else None)
        for at, (share, y) in enumerate(zip(shares, values, strict=True))
    ]


@pytest.mark.parametrize(
    ("values", "noise", "wanted", "old"),
    [
        ([-100, -98, -96, -94, -92, -90], 0.1, HOLDS, HOLDS),
        (DIGITS, 0.1, FAILS, HOLDS),  # the values fall in three of five steps
        ([-100, -98, -96, -96, -92, -90], 0.1, UNDECIDED, HOLDS),
        ([-100, -98, -96, -94, -92, -90], 9.0, UNDECIDED, HOLDS),
    ],
)
def test_continuously_increasing_requires_every_step(values, noise, wanted, old):
    frames = mixtures(values, noise)
    assert verdict(Monotone(MIXED, region=BELOW), *frames) == wanted
    if noise < 1:
        assert verdict(Differs(MIXED, region=BELOW), *frames) == old
    assert verdict(Monotone(MIXED, region=BELOW), *frames[:2]) is None


def test_steps_are_the_differences_of_neighbours_at_each_m_z():
    values = {(m, n): m * np.log2(n) + SEEDS for m in (1, 4) for n in (2, 4, 16)}
    rule = Monotone(Term("test_elbo", Arm(m_z=Each(), n_c=Along())))
    (cell,) = cells(frame(values | {(9, 4): SEEDS}))
    found = rule.comparisons(cell)
    assert [each.interval.mean for each in found] == pytest.approx([1, 2, 4, 8])
    assert "n_c=4 to 16" in found[1].what and "m_z=4" in found[-1].what
    (one,) = cells(
        frame({place: y for place, y in values.items() if place[0] == 1} | {(9, 4): SEEDS})
    )
    assert rule.comparisons(one) == []


def test_a_difference_shrinks_in_every_step():
    rule = Monotone(
        Term("test_elbo", Arm(real_share=0.0, m_z=Along(), n_c="corner")),
        (Term("test_elbo", Arm(m_z=Along(), n_c="corner")),),
        BELOW,
    )
    widths = (1, 2, 4, 8)
    normal = frame({(m, 8): noisy(m, seed=m) for m in widths}, real_share=1.0, k=None)
    for gains, wanted in (((9, 6, 3, 1), HOLDS), ((9, 6, 1, 3), FAILS), ((9, 6, 6, 1), UNDECIDED)):
        samples = {(m, 8): noisy(m + g, seed=9 * m) for m, g in zip(widths, gains, strict=True)}
        assert verdict(rule, normal, frame(samples, real_share=0.0, k=5)) == wanted


@pytest.mark.parametrize(
    ("differences", "wanted", "old"),
    [
        ([9] * 9 + [-9], HOLDS, FAILS),  # all but one: a rule for every one of them fails
        ([90] * 7 + [-9] * 3, FAILS, FAILS),  # a rule for their mean, +60, would hold
        ([9] * 8 + [0.01] * 2, UNDECIDED, UNDECIDED),
    ],
)
def test_almost_all_is_a_count(differences, wanted, old):
    names = tuple(f"a__{at}" for at in range(len(differences)))
    each = InEach(Differs(Term("a__*", Arm(real_share=0.0)), (Term("a__*"),)), names)
    place, rng = {(1, 8): [0.0] * 4}, np.random.default_rng(0)
    normal = frame(place, real_share=1.0).assign(**dict.fromkeys(names, 0.0))
    samples = frame(place, real_share=0.0).assign(
        **{n: d + 0.1 * rng.normal(size=4) for n, d in zip(names, differences, strict=True)}
    )
    assert verdict(Mostly(each, 0.85), normal, samples) == wanted
    assert verdict(each, normal, samples) == old
    mean = Differs(Term("a__*", Arm(real_share=0.0)), (Term("a__*"),))
    assert verdict(mean, normal, samples) == HOLDS


def test_one_too_few_rarely_counts_as_enough():
    """Three of six statements are true and the others at the edge, so four are rarely shown."""
    rng, output = np.random.default_rng(0), []
    for _ in range(400):
        y = rng.normal(size=(6, 5)) + np.array([9, 9, 9, 0, 0, 0])[:, None]
        parts = tuple((Comparison("", t_interval(row)),) for row in y)
        output.append(judge([AtLeast("", parts, 4)]).verdict)
    assert output.count(HOLDS) / 400 <= 0.05
    enough = judge([AtLeast("", parts, 3)])
    assert enough.verdict == HOLDS


@pytest.mark.parametrize(
    ("gain", "noise", "wanted"),
    [(8, 0.1, HOLDS), (3, 0.1, FAILS), (30, 0.1, FAILS), (-8, 0.1, FAILS), (8, 9.0, UNDECIDED)],
)
def test_a_similar_gain_is_within_a_factor_of_two(gain, noise, wanted):
    """An earlier rule required only some gain."""
    wide, narrow = Arm(m_z=10, n_c=8), Arm(m_z=1, n_c=8)
    sampled = Arm(real_share=0.0, m_z=1, n_c=8)
    terms = tuple(Term("test_elbo", arm) for arm in (wide, sampled, narrow))
    gains = SimilarGain(terms[0], terms[1], terms[2])
    normal = {(1, 8): noisy(0, noise, seed=1), (10, 8): noisy(gain, noise, seed=2)}
    frames = [frame(normal, real_share=1.0, k=None)]
    frames += [frame({(1, 8): noisy(10, noise, seed=3)}, real_share=0.0, k=5)]
    assert verdict(gains, *frames) == wanted
    if gain > 0 and noise < 1:
        assert verdict(Differs(terms[0], (terms[2],)), *frames) == HOLDS
    assert verdict(gains, frames[0]) is None


def widths_at(m_z, curve, noise=0.1):
    return {
        (m_z, 2**at): noisy(y, noise, seed=10 * m_z + at) for at, y in enumerate(curve, start=1)
    }


FALLING, STEEPER = [0, 5, 9, 5, 0], [0, 5, 9, -9, -27]


@pytest.mark.parametrize(
    ("curve", "noise", "wanted"),
    [
        ([0, 5, 9, 9.5, 10], 0.1, HOLDS),
        ([0, 5, 9, 9, 8.5], 0.1, HOLDS),  # by less than the margin, a tenth of a gap of 20
        (FALLING, 0.1, FAILS),
        ([0, 5, 9, 8, 7], 9.0, UNDECIDED),
    ],
)
def test_no_decline_is_judged_with_a_margin(curve, noise, wanted):
    rule = NoDecline(Term("test_elbo", Arm(m_z=8, n_c=Along())))
    values = widths_at(8, curve, noise) | widths_at(1, STEEPER)
    assert verdict(rule, frame(values)) == wanted
    if curve == FALLING:  # less than at the smallest m_z: an earlier rule compared slopes
        upper = Along(upper=True)
        slopes = [Term("test_elbo", Arm(m_z=m_z, n_c=upper)) for m_z in ("last", "first")]
        assert verdict(Differs(slopes[0], (slopes[1],)), frame(values)) == HOLDS


def grid(n_curve, m_curve, noise=0.1):
    """Makes test ELBOs from curves along n_c at m_z = 1 and then along m_z at n_c = 32."""
    values = {(1, 2**at): noisy(-y, noise, seed=at) for at, y in enumerate(n_curve, start=1)}
    for at, y in enumerate(m_curve, start=1):
        values[2**at, 2 ** len(n_curve)] = noisy(-y, noise, seed=50 + at)
    return frame(values)


U, L, W = [110, 100, 96, 99, 105], [100, 97, 96.9, 96.8], [110, 96, 104, 103, 95]


@pytest.mark.parametrize(
    ("n_curve", "m_curve", "noise", "wanted"),
    [(U, L, 0.1, HOLDS), (W, L, 0.1, FAILS), (U, L, 30.0, UNDECIDED)],
)
def test_double_descent_on_neither_axis_alone(n_curve, m_curve, noise, wanted):
    axes = (Arm(m_z=Each(), n_c=Along()), Arm(m_z=Along(), n_c="corner"))
    rule = NoDoubleDescent(tuple(Term("test_elbo", arm) for arm in axes))
    found = grid(n_curve, m_curve, noise)
    assert verdict(rule, found) == wanted
    if noise < 1:  # the path has a double descent either way, which says nothing of one axis
        assert verdict(DoubleDescends(), found) == HOLDS
    assert verdict(rule, found[found["m_z"] == 1]) is None


def test_the_smallest_move_is_chosen_and_placed_by_the_other_replicates():
    y = np.array([[9.0, 0, 5, 1], [9.0, 0, 5, 4], [0.0, 9, 9, 9]])
    # For the third replicate the others point to places 1, 2, 3 and to the second descent (2.5).
    assert smallest_move(y)[2] == 0.0
    one = smallest_move(y[:1])
    assert one.tolist() == [4.0]


def test_a_rule_of_slopes_in_each_column_has_their_unit():
    slope = Differs(Term("a__*", Arm(real_share=Along())))
    assert slope.per and InEach(slope, ("a__0",)).per == slope.per
    assert Mostly(InEach(slope, ("a__0",)), 0.85).per == slope.per
