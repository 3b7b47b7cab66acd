"""Planned sizes: which are reached, that other sizes do not matter, and p-values."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.planned import (
    ERRORS,
    FAILS,
    HOLDS,
    SIZES,
    UNDECIDED,
    PValues,
    decide,
    false_discovery,
    looks,
)


def test_errors_add_up_to_five_percent():
    assert sum(ERRORS) == pytest.approx(0.05) and len(ERRORS) == len(SIZES)


def test_a_size_is_reached_by_the_first_units_in_order():
    assert looks(range(4)) == []
    assert [n for n, _ in looks(range(7))] == [5]
    assert [n for n, _ in looks(range(20))] == [5, 10, 20]
    assert looks([0, 1, 2, 3, 5, 6, 7]) == []  # the fifth unit is missing


def test_only_planned_numbers_of_units_are_judged():
    asked = []
    decide(range(13), lambda n: asked.append(n) or PValues(1.0, 1.0))
    assert asked == [5, 10]


def test_the_first_decision_is_final():
    found = {5: PValues(0.02, 1.0), 10: PValues(0.019, 1.0), 20: PValues(1.0, 1e-9)}
    decided = decide(range(20), found.get)
    assert (decided.verdict, decided.n, decided.following) == (HOLDS, 10, None)
    # 0.02 is more than the error 0.01 of the first size
    assert decide(range(9), found.get).verdict == UNDECIDED
    assert decide(range(9), found.get).following == 10
    assert decide(range(5), {5: PValues(1.0, 0.009)}.get).verdict == FAILS


def test_a_size_that_lacks_a_comparison_is_not_reached():
    decided = decide(range(10), {10: PValues(0.0, 1.0)}.get)
    assert (decided.verdict, decided.n, decided.following) == (UNDECIDED, 0, 5)
    assert decided.text == "first planned n = 5"


def test_the_false_discovery_rate_equals_scipys():
    p = list(np.random.default_rng(0).uniform(size=40) ** 3)
    assert false_discovery(p) == pytest.approx(stats.false_discovery_control(p, method="by"))
    assert false_discovery([]) == []
