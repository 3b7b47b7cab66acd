"""The verdict in words, which never says more than the moves show."""

from dataclasses import replace

from analysis.descent import verdict
from analysis.verdicts import verdict_lines
from tests.analysis.test_descent import DIGITS, U_THEN_FLAT, _frame


def test_the_minima_are_ordered_only_if_they_differ_beyond_the_noise(make):
    deep = DIGITS.copy()
    deep[8] = 90.0
    assert "the second is lower" in "\n".join(verdict_lines(verdict(_frame(make, deep))))
    deep[8] = 98.0
    higher = verdict(_frame(make, deep, noise=0.01))
    assert "the second is higher" in "\n".join(verdict_lines(higher))
    assert "not decided" in verdict_lines(verdict(_frame(make, deep, seeds=2, noise=0.01)))[5]


def _with_weak(found, names):
    """Returns a verdict in which the intervals of these moves, and no others, contain 0."""
    moves = [
        replace(m, crossfit=replace(m.crossfit, low=-1.0 if m.name in names else 1.0, high=2.0))
        for m in found.moves
    ]
    return replace(found, moves=moves)


def test_moves_that_are_not_significant_are_listed(make):
    found = verdict(_frame(make, U_THEN_FLAT, noise=0.3))
    names = ["first descent", "rise", "second descent"]
    two, three = (_with_weak(found, names[:n]).sentence for n in (2, 3))
    assert "the first descent and the rise are not significant (95 %)" in two
    assert "the first descent, the rise and the second descent are not significant" in three
