"""The number of replicates that would decide a claim: simulation, and open results."""

import numpy as np
import pandas as pd
import pytest

from analysis.claims.claim import Claim, higher
from analysis.claims.outlook import outlooks
from analysis.claims.power import MOST, Needed, needed, power, standard_error
from analysis.claims.primary import PRIMARY
from analysis.claims.rules.judging import FAILS, HOLDS, UNDECIDED, Comparison, judge
from analysis.claims.trials.arms import Arm
from analysis.statistics.intervals import t_interval
from tests.analysis.claim_frames import frame

WIDER = higher("test_elbo", Arm(m_z=1, n_c=32), Arm(m_z=1, n_c=8))


def needs(comparisons, reached, **more) -> Needed:
    """Returns what would decide comparisons for which that is known."""
    found = needed(comparisons, reached, **more)
    assert found is not None
    return found


def exactly(mean, sd, n):
    """Returns n values with exactly this mean and standard deviation."""
    values = np.linspace(-1, 1, n)
    return mean + sd * values / values.std(ddof=1)


def compared(mean, sd=1.0, n=5, **more):
    return Comparison("", t_interval(exactly(mean, sd, n)), **more)


@pytest.mark.parametrize(
    ("effect", "n", "error"), [(1.2, 5, 0.01), (0.8, 10, 0.02), (-0.7, 20, 0.02)]
)
def test_the_power_is_the_share_of_studies_that_decide(effect, n, error):
    y = np.random.default_rng(0).normal(effect, 1, size=(4000, n))
    wanted = HOLDS if effect > 0 else FAILS
    found = [judge([Comparison("", t_interval(row))], error).verdict for row in y]
    share = found.count(wanted) / len(y)
    assert power([compared(effect, n=7)], n, error) == pytest.approx(share, abs=0.025)


def test_the_power_of_a_region_with_two_ends_equals_simulation():
    """The mean is at depth 1 from either end, and both ends must be shown."""
    y = np.random.default_rng(1).normal(0, 1, size=(4000, 20))
    found = [judge([Comparison("", t_interval(row), -1.0, 1.0)], 0.02).verdict for row in y]
    share = found.count(HOLDS) / len(y)
    bound = power([compared(0.0, low=-1.0, high=1.0)], 20, 0.02)
    assert share - 0.08 <= bound <= share + 0.02


def test_of_several_comparisons_the_power_is_a_lower_bound():
    y = np.random.default_rng(2).normal(1.4, 1, size=(4000, 3, 10))
    found = [judge([Comparison("", t_interval(row)) for row in each], 0.02).verdict for each in y]
    share = found.count(HOLDS) / len(y)
    alone = power([compared(1.4)], 10, 0.02)
    bound = power([compared(1.4)] * 3, 10, 0.02)
    assert bound == pytest.approx(1 - 3 * (1 - alone)) and bound <= share + 0.02


def test_a_failure_of_any_of_several_comparisons_is_shown_at_a_part_of_the_error():
    y = np.random.default_rng(3).normal([[[-0.8], [9.0], [9.0]]], 1, size=(4000, 3, 10))
    found = [judge([Comparison("", t_interval(row)) for row in each], 0.02).verdict for each in y]
    share = found.count(FAILS) / len(y)
    assert power([compared(m) for m in (-0.8, 9, 9)], 10, 0.02) == pytest.approx(share, abs=0.025)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("overlap", [0.0, 0.3])
def test_the_error_of_more_replicates_is_that_of_their_interval(shared, overlap):
    seen, more = (t_interval(exactly(0, 2, n), shared, overlap) for n in (5, 20))
    found = standard_error(Comparison("", seen, shared=shared), 20, overlap)
    assert found == pytest.approx(more.error)


def test_the_first_planned_size_with_enough_power_is_named():
    large, middle, small, none = (needs([compared(d)], 0) for d in (5.0, 1.3, 0.4, 0.01))
    assert (large.planned, middle.planned) == (5, 10) and large.power >= 0.8
    assert small.planned is None and small.size is not None and 20 < small.size <= MOST
    assert power([compared(0.4)], small.size, 0.02) >= 0.8
    assert power([compared(0.4)], small.size - 1, 0.02) < 0.8
    assert none.planned is none.size is None
    assert needs([compared(5.0)], 10).planned == 20
    assert needed([Comparison("", t_interval([1.0]))], 0) is None


def test_splits_that_overlap_may_never_decide():
    """With rho / (1 - rho) = 1 the error of the mean stays above the standard deviation."""
    found = needs([compared(1.3)], 0, overlap=1.0)
    assert found.size is None and found.power < 0.8


def world(effects):
    start = np.random.default_rng(0).normal(size=len(effects))
    return frame({(1, 8): start, (1, 32): start + effects})


def claim(name):
    return Claim(name, f"statement of {name}", "5", WIDER)


def test_open_claims_are_listed_with_what_would_decide_them():
    (found,) = outlooks(world(exactly(1.2, 1.0, 5)), [claim(PRIMARY[0])])
    assert found.needed is not None
    assert (found.verdict, found.n, found.reached, found.needed.planned) == (UNDECIDED, 5, 5, 10)
    assert "n = 10 would decide it" in found.text and "not that of data draws" in found.text
    (early,) = outlooks(world(exactly(1.2, 1.0, 3)), [claim(PRIMARY[0])])
    assert (early.reached, early.following) == (0, 5)
    (decided,) = outlooks(world(exactly(9.0, 1.0, 5)), [claim(PRIMARY[0])])
    assert decided.verdict == HOLDS and decided.needed is None
    (never,) = outlooks(world(exactly(0.01, 1.0, 5)), [claim(PRIMARY[0])])
    assert "more than 100 would be needed" in never.text
    (one,) = outlooks(world(np.array([1.0])), [claim(PRIMARY[0])])
    assert one.needed is None and "first planned n = 5" in one.text
    assert found.keys == frozenset(world(exactly(1.2, 1.0, 5))["key"])


def test_exploratory_claims_take_the_error_that_would_decide_them():
    """Alone a claim is decided at 5 %, and next to nine other open ones at less."""
    frames = world(exactly(1.05, 1.0, 5))
    (alone,) = outlooks(frames, [claim("other")])
    many = outlooks(frames, [claim(f"other {at}") for at in range(10)])
    assert alone.needed is not None and many[0].needed is not None
    assert alone.needed.planned == 10 and (many[0].needed.planned or 99) > 10


def test_replicates_are_not_warned_about():
    parts = world(exactly(1.2, 1.0, 5))
    parts = parts.assign(replicate=parts["seed"], seed=0, draws="disjoint sets")
    (found,) = outlooks(pd.DataFrame(parts), [claim(PRIMARY[0])])
    assert found.level == "data draws" and "not that of data draws" not in found.text
