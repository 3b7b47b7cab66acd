"""Rules of claims: differences compared with scipy, regions, and comparisons of several arms."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.claims.rules.judging import FAILS, HOLDS, UNDECIDED, Comparison, difference, judge
from analysis.claims.rules.regions import ABOVE, BELOW, Margin, equal, no_gain, no_loss
from analysis.claims.rules.rule import Differs, InEach
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import NORMAL, Along, Arm, Each, Near, pick, placed
from analysis.claims.trials.cells import cells
from analysis.statistics.intervals import t_interval
from tests.analysis.claim_frames import HALF, SEEDS, TWO, frame, verdict


def test_the_paired_difference_equals_scipys():
    rng = np.random.default_rng(0)
    first, other = (pd.Series(rng.normal(size=5)) for _ in range(2))
    found = difference(first, other)
    truth = stats.ttest_rel(first, other).confidence_interval()
    assert (found.low, found.high) == pytest.approx((truth.low, truth.high))
    assert found.n == 5
    other = other.drop(index=4)
    assert difference(first, other).n == 4


def test_the_unpaired_difference_equals_welchs():
    rng = np.random.default_rng(1)
    first = pd.Series(rng.normal(size=4), index=range(4))
    other = pd.Series(3 * rng.normal(size=6), index=range(10, 16))
    found = difference(first, other)
    truth = stats.ttest_ind(first, other, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((truth.low, truth.high))
    assert found.n == 4 and found.method.startswith("Welch")
    four = other[:4]
    plain, wide = (difference(first, four, overlap) for overlap in (0.0, 0.5))
    factor = math.sqrt(1 + 4 * 0.5)  # 1/4 + 0.5 over 1/4
    assert wide.high - wide.mean == pytest.approx(factor * (plain.high - plain.mean))


def test_one_seed_has_no_interval():
    found = difference(pd.Series([1.0]), pd.Series([0.0, 1.0], index=[5, 6]))
    assert math.isnan(found.low) and found.n < 2
    assert judge([Comparison("", found)]).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("region", "holds", "fails", "undecided"),
    [
        (ABOVE, HALF + 0.1, -HALF - 0.1, 0.0),
        (BELOW, -HALF - 0.1, HALF + 0.1, HALF - 0.1),
        (equal(Margin(number=HALF + 1)), 0.9, 2 * HALF + 1.1, 1.1),
        (no_gain(TWO), 1.9 - HALF, 2.1 + HALF, 2.0),
        (no_gain(TWO), -1000.0, 1000.0, 2.0),
        (no_loss(TWO), HALF - 1.9, -2.1 - HALF, -2.0),
        (no_loss(TWO), 1000.0, -1000.0, -2.0),
    ],
)
def test_a_verdict_depends_on_the_region_of_the_difference(region, holds, fails, undecided):
    """Arms have the noise of SEEDS / 2 with opposite signs, so differences have that of SEEDS."""
    rule = Differs(Term("test_elbo", Arm(real_share=0.0)), (Term("test_elbo"),), region)
    normal = frame({(1, 8): -SEEDS / 2}, real_share=1.0)
    for shift, wanted in ((holds, HOLDS), (fails, FAILS), (undecided, UNDECIDED)):
        other = frame({(1, 8): shift + SEEDS / 2}, real_share=0.0)
        assert verdict(rule, normal, other) == wanted
    assert verdict(rule, normal) is None


def test_a_margin_is_a_share_of_normal_trainings_gap():
    rule = Differs(Term("test_elbo", Arm(real_share=0.0)), (Term("test_elbo"),), equal())
    normal = frame({(1, 8): 5 + 0.01 * SEEDS}, real_share=1.0)  # gap 20: margin 2
    near, far = (frame({(1, 8): [y] * 3}, real_share=0.0) for y in (6.9, 7.1))
    assert verdict(rule, normal, near) == HOLDS
    assert verdict(rule, normal, far) == FAILS


def test_of_many_comparisons_all_must_hold():
    held, not_shown = (Comparison("", t_interval(SEEDS + at)) for at in (HALF + 0.1, 1.0))
    assert judge([held, held]).verdict == HOLDS
    found = judge([held, not_shown])
    assert (found.verdict, found.decisive, found.comparisons) == (UNDECIDED, not_shown, 2)


@pytest.mark.parametrize(
    ("snow", "wanted"), [(HALF + 0.1, HOLDS), (0.0, UNDECIDED), (-2 * HALF, FAILS)]
)
def test_a_rule_for_each_column_judges_every_column_itself(snow, wanted):
    """The column of fog is clear, and the mean over columns decides nothing."""
    rule = InEach(
        Differs(Term("a__*", Arm(real_share=0.0)), (Term("a__*"),)),
        ("a__fog", "a__snow", "a__hail"),
    )
    normal = frame({(1, 8): SEEDS}, real_share=1.0).assign(a__fog=0.0, a__snow=0.0)
    samples = frame({(1, 8): SEEDS}, real_share=0.0).assign(
        a__fog=100 + SEEDS, a__snow=snow + SEEDS
    )
    assert verdict(rule, normal, samples) == wanted
    (cell,) = cells(pd.concat([normal, samples]))
    fog, other = rule.comparisons(cell)
    assert fog.interval.mean == pytest.approx(100) and "a__snow" in other.what
    assert verdict(rule, normal, samples.drop(columns=["a__fog", "a__snow"])) is None


def test_one_failure_among_many_must_be_clearer():
    untrue = Comparison("", t_interval(SEEDS - HALF - 0.1))
    true = Comparison("", t_interval(SEEDS + 100))
    assert judge([untrue]).verdict == FAILS
    assert judge([untrue, *[true] * 9]).verdict == UNDECIDED
    wider = stats.t.ppf(1 - 0.025 / 10, 2) / math.sqrt(3)
    clearer = Comparison("", t_interval(SEEDS - wider - 0.1))
    assert judge([clearer, *[true] * 9]).verdict == FAILS


def test_where_nothing_differs_a_claim_rarely_fails_or_holds():
    rng = np.random.default_rng(0)
    found = []
    for y in rng.normal(size=(1000, 10, 3)):
        found.append(judge([Comparison("", t_interval(each)) for each in y]).verdict)
    assert found.count(FAILS) / 1000 < 0.05
    assert found.count(HOLDS) / 1000 < 0.01


def test_each_value_that_both_arms_have_is_compared():
    rule = Differs(
        Term("test_elbo", Arm(real_share=0.0, m_z=Each(4), n_c="corner")),
        (Term("test_elbo", Arm(m_z=Each(4), n_c="corner")),),
    )
    normal = frame({(m, 8): SEEDS for m in (1, 4, 16, 64)}, real_share=1.0)
    samples = frame({(m, 8): SEEDS + m for m in (1, 4, 16)}, real_share=0.0)
    (cell,) = cells(pd.concat([normal, samples]))
    assert [each.interval.mean for each in rule.comparisons(cell)] == [4.0, 16.0]


def test_places_of_arms_are_picked_from_measured_widths():
    assert pick(Near(10), [1, 4, 16, 64]) == 16
    assert pick(Near(10), [1, 4, 32]) is None
    assert pick("first", [4, 2]) == 2 and pick("last", [4, 2]) == 4
    assert pick(16, [8, 64]) is None
    points = {(1, 8), (1, 32), (4, 32), (16, 32), (16, 64)}
    assert placed(NORMAL, points) == Arm(m_z=1, n_c=32)
    assert placed(Arm(m_z="last", n_c="corner"), points) == Arm(m_z=16, n_c=32)
    assert placed(Arm(m_z="last", n_c="last"), points) == Arm(m_z=16, n_c=64)
    assert placed(Arm(m_z=Near(10), n_c="corner"), {(1, 8), (1, 32)}) is None
    assert placed(NORMAL, {*points, (1, 256), (1, 512)}) == Arm(m_z=1, n_c=256)


def test_the_same_trials_are_not_compared_with_themselves():
    last, corner = Arm(m_z="last", n_c="last"), Arm(m_z="last", n_c="corner")
    rule = Differs(Term("test_elbo", last), (Term("test_elbo", corner),))
    values = {(1, 8): SEEDS, (1, 32): SEEDS, (4, 32): SEEDS}
    assert verdict(rule, frame(values)) is None
    assert verdict(rule, frame(values | {(4, 64): SEEDS + 9.0})) == HOLDS


def test_of_several_k_the_largest_represents_diffusion_samples():
    rule = Differs(Term("test_elbo", Arm(real_share=0.0)), (Term("test_elbo"),))
    normal = frame({(1, 8): SEEDS}, real_share=1.0, k=None)
    samples = [frame({(1, 8): SEEDS + k}, real_share=0.0, k=k) for k in (1, 10, 5)]
    (cell,) = cells(pd.concat([normal, *samples]))
    (found,) = rule.comparisons(cell)
    assert found.interval.mean == pytest.approx(10)
    assert "of dmaapx (k=10) - " in found.what and "of normal, " in found.what


def test_diffusion_samples_are_compared_at_one_k():
    """k = 20 is measured for plain samples only, so mollified ones are compared at k = 10."""
    plain, noisy = Arm(real_share=0.0), Arm(real_share=0.0, mollified=True)
    rule = Differs(Term("test_elbo", noisy), (Term("test_elbo", plain),))
    table = [
        frame({(1, 8): SEEDS + k}, real_share=0.0, k=k, mollify_epochs=0) for k in (10, 20)
    ] + [frame({(1, 8): SEEDS + 15}, real_share=0.0, k=10, mollify_epochs=4)]
    (cell,) = cells(pd.concat(table))
    (found,) = rule.comparisons(cell)
    assert found.interval.mean == pytest.approx(5)


def test_mixtures_are_followed_at_the_k_that_all_have():
    rule = Differs(Term("test_elbo", Arm(real_share=Along())))
    table = [frame({(1, 8): SEEDS}, real_share=1.0, k=None)]
    table += [frame({(1, 8): SEEDS + k}, real_share=0.0, k=k) for k in (10, 20)]
    table += [frame({(1, 8): SEEDS + 5}, real_share=0.5, k=10)]
    (cell,) = cells(pd.concat(table))
    (found,) = rule.comparisons(cell)
    assert found.interval.mean == pytest.approx(-10) and "k=10" in found.what


def test_several_columns_are_a_mean_without_the_mixture_of_corruptions():
    table = frame({(1, 8): SEEDS}).assign(a__fog=1.0, a__snow=3.0, a__overall=100.0, b=4.0)
    (cell,) = cells(table)
    assert set(cell.values(Arm(m_z=1, n_c=8, k=0.0), ("a__*", "b"))) == {3.0}
    assert set(cell.values(Arm(m_z=1, n_c=8, k=0.0), ("a__overall",))) == {100.0}
    assert cell.values(Arm(m_z=1, n_c=8, k=0.0), ("a__*", "c")).empty
