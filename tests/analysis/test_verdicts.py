"""The verdict in words, which never says more than the moves show."""

from analysis.descent import verdict
from analysis.verdicts import verdict_lines
from tests.analysis.test_descent import DIGITS, _frame


def test_the_minima_are_ordered_only_if_they_differ_beyond_the_noise(make):
    deep = DIGITS.copy()
    deep[8] = 90.0
    assert "the second is lower" in "\n".join(verdict_lines(verdict(_frame(make, deep))))
    deep[8] = 98.0
    higher = verdict(_frame(make, deep, noise=0.01))
    assert "the second is higher" in "\n".join(verdict_lines(higher))
    assert "not decided" in verdict_lines(verdict(_frame(make, deep, seeds=2, noise=0.01)))[5]
