"""Bold numbers: the best mean, and means that three replicates do not show to be worse."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.figures.ties import tied


def table(*rows):
    made = pd.DataFrame(rows, columns=["seed_0", "seed_1", "seed_2"])
    return made.assign(place="a", mean=made.mean(axis=1))


def test_differences_are_taken_replicate_by_replicate():
    """The second is lower by 1 in each replicate, the third in two of three."""
    found = tied(
        table([0, 50, 90], [-1.0, 49.1, 88.9], [1, 49, 89]), ["place"], pd.Series(1, range(3))
    )
    assert found.tolist() == [True, False, True]


@pytest.mark.parametrize("sign", [1, -1])
def test_ties_equal_a_paired_t_test(sign):
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.normal(size=(2, 3))
        made = table(*values)
        best = (sign * made["mean"]).idxmax()
        p = stats.ttest_rel(values[best], values[1 - best]).pvalue
        found = tied(made, ["place"], pd.Series(sign, made.index))
        assert found[best] and found[1 - best] == (p > 0.05)


def test_with_two_replicates_only_the_best_is_marked():
    made = table([1.0, 1.1, np.nan], [1.0, 1.0, np.nan])
    assert tied(made, ["place"], pd.Series(1, made.index)).tolist() == [True, False]


def test_overlapping_splits_make_more_ties():
    made = table([1.0, 2.0, 3.0], [0.0, 0.9, 1.9])
    assert not tied(made, ["place"], pd.Series(1, made.index))[1]
    assert tied(made.assign(overlap=500.0), ["place"], pd.Series(1, made.index))[1]
