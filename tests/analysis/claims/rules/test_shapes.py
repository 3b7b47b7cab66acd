"""Slopes, peaks and double descent: numbers by hand, verdicts on made-up curves."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.claims.rules.judging import FAILS, HOLDS, UNDECIDED, Comparison, judge
from analysis.claims.rules.rule import Differs
from analysis.claims.rules.shapes import DoubleDescends, Peaks, rise_and_drop
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import Along, Arm
from analysis.claims.trials.cells import cells
from analysis.statistics.intervals import Interval, t_interval
from tests.analysis.claim_frames import SEEDS, frame, verdict


def test_two_seeds_may_decide_a_difference_but_no_shape():
    two = Interval(5.0, 1.0, 9.0, 2, "")
    assert judge([Comparison("", two)]).verdict == HOLDS
    assert judge([Comparison("", two, seeds=3)]).verdict == UNDECIDED


def test_slopes_equal_those_of_polyfit():
    rng = np.random.default_rng(0)
    y = {(m_z, 8): rng.normal(size=3) for m_z in (1, 2, 8, 64)}
    rule = Differs(Term("test_elbo", Arm(m_z=Along(), n_c="corner")))
    (cell,) = cells(frame(y))
    (found,) = rule.comparisons(cell)
    each = [np.polyfit([0, 1, 3, 6], [v[seed] for v in y.values()], 1)[0] for seed in range(3)]
    assert found.interval.mean == pytest.approx(np.mean(each))
    assert found.interval.high == pytest.approx(t_interval(each).high)


@pytest.mark.parametrize(
    ("slope", "noise", "wanted"), [(1, 0.1, HOLDS), (-1, 0.1, FAILS), (0.1, 5, UNDECIDED)]
)
def test_verdicts_on_slopes(slope, noise, wanted):
    rule = Differs(Term("test_elbo", Arm(m_z=Along(), n_c="corner")))
    signs = {1: 1, 2: -2, 8: 1}
    values = {(m, 8): slope * math.log2(m) + noise * s * SEEDS for m, s in signs.items()}
    assert verdict(rule, frame(values)) == wanted
    assert verdict(rule, frame({place: values[place] for place in [(1, 8), (2, 8)]})) is None


def test_slopes_are_compared_over_the_values_that_both_have():
    upper = Along(upper=True)
    rule = Differs(
        Term("test_elbo", Arm(m_z="last", n_c=upper)),
        (Term("test_elbo", Arm(m_z="first", n_c=upper)),),
    )
    widths = (2, 4, 8, 16, 32, 64)
    steep = frame({(64, n): [n**2, n**2 + 1] for n in widths})
    flat = frame({(1, n): [7, 8] for n in widths[:-1]})
    (cell,) = cells(pd.concat([steep, flat]))
    (found,) = rule.comparisons(cell)
    assert found.interval.mean == pytest.approx(np.polyfit([3, 4, 5], [64, 256, 1024], 1)[0])
    assert "n_c 8 to 32" in found.what


def test_rise_and_drop_equal_the_slow_way():
    y = np.random.default_rng(0).normal(size=(4, 6))
    rise, drop = rise_and_drop(y)
    for seed in range(4):
        others = np.delete(y, seed, axis=0).mean(axis=0)
        peak = max(range(1, 5), key=lambda at: others[at])
        assert rise[seed] == y[seed, peak] - y[seed, 0]
        assert drop[seed] == y[seed, peak] - y[seed, 5]


@pytest.mark.parametrize(
    ("curve", "noise", "wanted"),
    [
        ([0, 5, 9, 5, 0], 0.1, HOLDS),
        ([0, 2, 4, 6, 8], 0.1, FAILS),
        ([8, 6, 4, 2, 0], 0.1, FAILS),
        ([0, 5, 9, 9, 9], 0.1, UNDECIDED),
        ([0, 1, 2, 1, 0], 9.0, UNDECIDED),
    ],
)
def test_verdicts_on_peaks(curve, noise, wanted):
    rng = np.random.default_rng(3)
    widths = (2, 4, 8, 16, 32)
    values = {(1, n): y + noise * rng.normal(size=4) for n, y in zip(widths, curve, strict=True)}
    rule = Peaks(Term("test_elbo", Arm(m_z="first", n_c=Along())))
    assert verdict(rule, frame(values)) == wanted
    assert verdict(rule, frame({place: y[:2] for place, y in values.items()})) == UNDECIDED
    assert verdict(rule, frame({place: y for place, y in values.items() if place[1] < 8})) is None


@pytest.mark.parametrize(
    ("curve", "noise", "wanted"),
    [
        ([108, 96, 99, 97, 95], 0.1, HOLDS),
        ([108, 96, 94, 92, 90], 0.1, FAILS),
        ([108, 96, 97, 96.5, 96], 5.0, UNDECIDED),
    ],
)
def test_verdicts_on_double_descent(curve, noise, wanted):
    path = [(1, 2), (1, 8), (1, 32), (4, 32), (16, 32)]
    rng = np.random.default_rng(0)
    values = {at: noise * rng.normal(size=4) - y for at, y in zip(path, curve, strict=True)}
    assert verdict(DoubleDescends(), frame(values)) == wanted
    assert verdict(DoubleDescends(), frame({at: y[:2] for at, y in values.items()})) == UNDECIDED
    assert verdict(DoubleDescends(), frame({at: values[at] for at in path[:3]})) is None
