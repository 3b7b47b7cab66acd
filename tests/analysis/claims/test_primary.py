"""Primary claims are decided at planned sizes, others with a false-discovery rate."""

import numpy as np
import pandas as pd
import pytest

from analysis.claims import CLAIMS, EXPLORATORY, PRIMARY, ledger, primary
from analysis.claims.claim import Claim, higher
from analysis.claims.rules.judging import FAILS, HOLDS, UNDECIDED, Comparison, judge
from analysis.claims.rules.rule import Differs
from analysis.claims.rules.terms import Term
from analysis.claims.trials.arms import Along, Arm, Each
from analysis.claims.trials.cells import cells
from analysis.statistics.intervals import t_interval
from analysis.statistics.planned import false_discovery
from tests.analysis.claim_frames import frame

WIDER = higher("test_elbo", Arm(m_z=1, n_c=32), Arm(m_z=1, n_c=8))
NAME = primary.PRIMARY[0]


def claim(rule, name=NAME):
    return Claim(name, f"statement of {name}", "5", rule, datasets=("digits", "own-0", "own-1"))


def world(effect, seed=0):
    """Makes a VAE per replicate at two widths that differ by these effects."""
    start = np.random.default_rng(seed).normal(size=len(effect))
    return frame({(1, 8): start, (1, 32): start + np.asarray(effect)})


def test_the_primary_claims_are_claims():
    named = {each.name: each for each in CLAIMS}
    assert 5 <= len(set(primary.PRIMARY)) == len(primary.PRIMARY) <= 8
    assert all(not isinstance(named[name].rule, str) for name in primary.PRIMARY)


@pytest.mark.parametrize(
    ("n", "wanted", "message"),
    [
        (4, UNDECIDED, "first planned n = 5"),
        (5, HOLDS, "decided at the planned n = 5"),
        (7, HOLDS, "decided at the planned n = 5"),
    ],
)
def test_a_clear_effect_is_decided_at_the_first_planned_size(n, wanted, message):
    (row,) = ledger(world(10 + 0.1 * np.arange(n)), [claim(WIDER)]).to_dict("records")
    assert (row["kind"], row["verdict"], row["n"]) == (PRIMARY, wanted, n)
    assert message in row["decided"] and row["level"] == "seeds on one data set"
    assert row["decided"].endswith(
        "by seeds on one data set only, which say nothing about other data"
    )
    (other,) = ledger(world(10 + 0.1 * np.arange(n)), [claim(WIDER, "other")]).to_dict("records")
    assert (other["kind"], other["verdict"]) == (EXPLORATORY, HOLDS)


def test_replicates_beyond_the_planned_size_change_nothing():
    """Five replicates do not decide at 1 %, and eight would at 5 %."""
    effect = np.array([1.0, 2.0, 3.0, -0.5, 1.5, 2.0, 2.1, 1.9])
    five, eight = (ledger(world(effect[:n]), [claim(WIDER)]).iloc[0] for n in (5, 8))
    assert five["verdict"] == eight["verdict"] == UNDECIDED
    assert five["decided"] == eight["decided"]
    assert five["decided"].startswith(
        "with the planned n = 5 (error 0.01) reached, next planned n = 10"
    )
    assert eight["low"] > 0  # the 95 % interval of all eight


def test_a_size_is_not_reached_if_a_replicate_lacks_an_arm():
    found = world(10 + 0.1 * np.arange(6))
    lost = found[~((found["seed"] == 3) & (found["n_c"] == 32))]
    (row,) = ledger(lost, [claim(WIDER)]).to_dict("records")
    assert (row["verdict"], row["n"]) == (UNDECIDED, 5)
    assert row["decided"].startswith("first planned n = 5")


def test_exploratory_claims_share_their_false_discovery_rate():
    effects = (10 + 0.1 * np.arange(5), np.array([1.0, 2.0, 3.0, 0.2, 1.5]))
    frames = [
        world(effect).assign(dataset=f"own-{at}", key=f"{at}" + world(effect)["key"])
        for at, effect in enumerate(effects)
    ]
    found = ledger(pd.concat(frames, ignore_index=True), [claim(WIDER, "other")])
    p = [2 * t_interval(effect).above(0) for effect in effects]
    assert found["p"].tolist() == pytest.approx(p)
    assert found["q"].tolist() == pytest.approx(false_discovery(p))
    assert p[1] < 0.05 < false_discovery([p[1]] * 1 + [1.0])[0]
    alone = ledger(frames[1], [claim(WIDER, "other")]).iloc[0]
    assert alone["verdict"] == HOLDS
    three = ledger(frames[1], [claim(WIDER, name) for name in "ab"] + [claim(LOSES, "c")])
    assert three.loc[three["claim"] == "a", "q"].iloc[0] > alone["q"]


LOSES = higher("generalization_gap", Arm(m_z=1, n_c=32), Arm(m_z=1, n_c=8))


def test_p_values_agree_with_intervals():
    """A claim holds exactly if the interval of that confidence is in the region."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        found = t_interval(rng.normal(1.0, 1.0, 5))
        error = rng.choice([0.01, 0.02, 0.05, 0.3])
        inside = found.at(1 - error).low > 0
        assert (judge([Comparison("", found)], error).verdict == HOLDS) == inside
        far = found.at(1 - error / 2)  # one of two comparisons
        both = [Comparison("", found), Comparison("", found, low=5.0)]
        assert (judge(both, error).verdict == "fails") == (far.high < 5 or far.high < 0)


def test_replicates_are_paired_with_replicates_and_their_seeds_averaged():
    draws = [world([5.0, 6.0, 7.0], seed=at) for at in range(5)]
    parts = [
        each.assign(replicate=at, key=f"{at}-" + each["key"], draws="disjoint sets")
        for at, each in enumerate(draws)
    ]
    (row,) = ledger(pd.concat(parts, ignore_index=True), [claim(WIDER)]).to_dict("records")
    assert (row["n"], row["level"]) == (5, "data draws, means of 3 seeds")
    assert row["difference"] == pytest.approx(6.0) and "other data" not in row["decided"]
    assert row["spread"] == "sd between draws 0, between seeds of a draw 1"


def test_rows_of_another_study_cost_no_replicate():
    """That study has three replicates at another m_z, next to five here."""
    grid = {(m_z, 8): m_z + np.arange(5) for m_z in (1, 4, 16)}
    more = frame(grid | {(8, 8): [-50.0, 1.0, 2.0]})
    rule = Differs(Term("test_elbo", Arm(m_z=Along(), n_c="corner")))
    (before,), (after,) = cells(frame(grid)), cells(more)
    assert rule.comparisons(after) == rule.comparisons(before)


def test_a_claim_about_every_place_is_judged_at_places_with_fewer_draws_too():
    """One more draw at the place that agrees would otherwise hide the place that does not."""
    rule = Differs(Term("test_elbo", Arm(m_z=Each(), n_c=8)))
    noise = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    for more in (0, 1):
        agrees = [5.0, *(5.0 + noise), 5.0][1 - more : 6 + more]
        (cell,) = cells(frame({(1, 8): agrees, (4, 8): -50.0 + noise}))
        found = rule.comparisons(cell)
        assert [each.interval.n for each in found] == [len(agrees), 5]
        assert judge(found).verdict == FAILS
