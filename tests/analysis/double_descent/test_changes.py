"""Phase 3, and the gap along phase 2: differences of fixed points."""

import pytest

from analysis.double_descent.descent import verdict
from tests.analysis.double_descent.test_descent import DIGITS, _frame
from tests.narrow import not_none


def test_phase_3_and_the_gap_are_differences_of_their_ends(make):
    found = verdict(_frame(make, DIGITS, noise=0.01))
    assert (not_none(found.phase3).start, not_none(found.phase3).end) == ((16, 32), (16, 64))
    assert not_none(found.phase3).difference.mean == pytest.approx(1.1, abs=0.05)
    assert not_none(found.phase3).monotone and not_none(found.phase3).difference.sign == 1
    gap = found.gaps["normal"]  # n_c / m_z + seed / 2
    assert (gap.start, gap.end) == ((1, 32), (16, 32))
    assert (gap.first.mean, gap.last.mean) == (33.0, 3.0)
    assert gap.difference.mean == -30 and gap.difference.sign == -1
