"""The verdict in words, which never says more than the moves show."""

from dataclasses import replace

import pandas as pd

from analysis.double_descent.descent import verdict
from analysis.double_descent.verdicts import verdict_lines
from tests.analysis.double_descent.test_descent import DIGITS, U_THEN_FLAT, _frame


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


def _gaps_line(frame):
    """Returns the line of the verdict about generalization gaps."""
    (line,) = [each for each in verdict_lines(verdict(frame)) if "generalization gap" in each]
    return line


def test_the_gaps_of_a_source_with_fewer_draws_name_their_number(make):
    normal = _frame(make, DIGITS)
    same = normal.assign(source="dmaapx", key="dmaapx-" + normal["key"])
    assert "n = " not in _gaps_line(normal)
    both = _gaps_line(pd.concat([normal, same]))
    assert "; dmaapx" in both and "n = " not in both
    fewer = _gaps_line(pd.concat([normal, same[same["seed"] < 3]]))
    assert ", n = 5; dmaapx" in fewer and fewer.endswith(", n = 3")
