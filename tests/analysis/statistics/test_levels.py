"""What n counts, in words; overlap of splits; replicates that have all values."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import ResultsError
from analysis.statistics import levels, overlap
from analysis.statistics.intervals import over_seeds, t_interval
from tests.analysis.conftest import SPLIT


def trials(replicates, seeds=1, seed_pool=None, **fields):
    """Makes a trial per replicate (None: none) and seed, with value 10 * replicate + seed.

    `seed_pool` names the pool of a replicate and seed.
    """
    rows = [
        {"dataset": "digits", "seed": seed, "replicate": replicate, "train_size": 300}
        | {"partition": "disjoint", "value": 10.0 * (replicate or 0) + seed}
        | {name: value(replicate) if callable(value) else value for name, value in fields.items()}
        | ({"source_pool": seed_pool(replicate, seed)} if seed_pool else {})
        for replicate in replicates
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows).astype({"replicate": "Int64"})


@pytest.mark.parametrize(
    ("frame", "n", "message"),
    [
        (trials([None], 5), 5, "5 seeds on one data set"),
        (trials([0], 3), 3, "3 seeds on one data set"),
        (trials([None], 1), 1, "1 seed on one data set"),
        (trials(range(5), **SPLIT), 5, "5 random splits of these images"),
        (trials(range(5), **SPLIT | {"draws": "disjoint sets"}), 5, "5 data draws"),
        (trials([0], **SPLIT | {"draws": "disjoint sets"}), 1, "1 data draw"),
        (trials(range(3), 2, **SPLIT), 3, "3 random splits of these images, means of 2 seeds"),
        (
            trials(range(3), dataset="mnist", train_size=5000, source_pool=lambda r: f"p{r}"),
            3,
            "3 data draws, each with its own diffusion model",
        ),
        (
            trials(range(5), source_pool=lambda r: f"p{r}" if r < 3 else None, **SPLIT),
            5,
            "5 random splits of these images, 3 of them with a diffusion model of their own",
        ),
        (
            trials(range(3), dataset="mnist", train_size=None, source_pool=lambda r: f"p{r}"),
            3,
            "3 replicates: seeds and diffusion models; the full data set has no draw",
        ),
        (
            trials(range(3), dataset="cifar10", train_size=50_000, source_pool="mine"),
            3,
            "3 replicates: seeds; the full data set has no draw, all on one diffusion model",
        ),
        (
            trials([0], 5, source_pool="p"),
            5,
            "5 seeds on one data set, one diffusion model",
        ),
        (
            trials([0], 5, seed_pool=lambda r, s: f"p{s}"),
            5,
            "5 seeds on one data set, each with its own diffusion model",
        ),
        (
            trials([0], 5, seed_pool=lambda r, s: f"p{s}" if s < 2 else None),
            5,
            "5 seeds on one data set, 2 of them with a diffusion model of their own",
        ),
        (
            trials([0], 5, seed_pool=lambda r, s: None if s else "p0"),
            5,
            "5 seeds on one data set, one diffusion model",
        ),
        (
            trials(range(3), 2, seed_pool=lambda r, s: f"p{r}.{s}", **SPLIT),
            3,
            "3 random splits of these images, each with diffusion models of its own, "
            "means of 2 seeds",
        ),
        (
            trials(range(3), dataset="mnist", train_size=5000, partition="train_and_test"),
            3,
            "3 random splits of these images",
        ),
    ],
)
def test_a_level_is_named_in_words(frame, n, message):
    settled = levels.settle(frame)
    assert settled["unit"].nunique() == n
    assert levels.counted(n, levels.level_of(settled)) == message


def test_of_two_levels_the_more_exact_one_is_named():
    exact = "seeds on one data set, one diffusion model"
    for message in (["seeds on one data set", exact], [exact, "seeds on one data set"]):
        assert levels.level_of(pd.DataFrame({"level": message})) == exact
    other = pd.DataFrame({"level": ["data draws", exact]})
    assert levels.level_of(other) == f"data draws or {exact}"


def test_a_column_of_replicates_may_be_absent():
    settled = levels.settle(trials([None], 2).drop(columns="replicate"))
    assert levels.counted(2, levels.level_of(settled)) == "2 seeds on one data set"


def test_two_replicates_do_not_replace_five_seeds_and_three_do():
    five = trials([0], 5, **SPLIT)
    two = levels.settle(pd.concat([five, trials([1], **SPLIT)], ignore_index=True))
    assert sorted(two["unit"]) == [0, 1, 2, 3, 4] and set(two["replicate"]) == {0}
    three = levels.settle(pd.concat([five, trials([1, 2], **SPLIT)], ignore_index=True))
    assert set(three["unit"]) == {0, 1, 2} and len(three) == 7


def test_trials_with_and_without_replicate_are_different_levels():
    both = pd.concat([trials([None], 2), trials([0, 1])], ignore_index=True)
    with pytest.raises(ResultsError, match="replicate!=none"):
        levels.settle(both)


def test_seeds_are_averaged_and_the_interval_is_over_replicates():
    table = over_seeds(trials(range(4), 3), ["dataset"], "value")
    expected = t_interval([1.0, 11.0, 21.0, 31.0], overlap=overlap.UNKNOWN)
    row = table.iloc[0]
    assert (row["n"], row["mean"]) == (4, 16.0)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row[["replicate_0", "replicate_3"]].tolist() == [1.0, 31.0]


def test_overlap_is_computed_from_the_recorded_sizes():
    expected = 2 * 300 * 1000 / 1300 / 1600
    assert levels.overlap_at(trials(range(5), **SPLIT)) == pytest.approx(expected / (1 - expected))
    assert levels.overlap_at(trials(range(5))) == overlap.UNKNOWN
    assert levels.overlap_at(trials(range(5), **SPLIT | {"draws": "disjoint sets"})) == 0
    fixed = trials(range(5), dataset="mnist", train_size=6000, partition="train_and_test")
    assert levels.overlap_at(fixed) == pytest.approx(0.1 / 0.9)  # the test set is the same


def test_variance_components_equal_those_of_a_simulation():
    rng = np.random.default_rng(1)
    value = np.repeat(2.0 * rng.normal(size=2000), 3) + 0.5 * rng.normal(size=6000)
    index = pd.MultiIndex.from_product([range(2000), range(3)])
    found = levels.components(pd.Series(value, index))
    assert (found.between, found.within) == pytest.approx((2.0, 0.5), rel=0.05)
    assert "between draws 2" in found.text


def test_variance_components_of_unequal_replicates_equal_those_by_hand():
    index = pd.MultiIndex.from_tuples([(0, 0), (0, 1), (1, 0)])
    found = levels.components(pd.Series([1.0, 3.0, 8.0], index))
    between = 2 * (2 - 4) ** 2 + (8 - 4) ** 2  # 1 degree of freedom; the means 2 and 8 around 4
    usual = 3 - 5 / 3
    assert found.within == pytest.approx(np.sqrt(2.0))
    assert found.between == pytest.approx(np.sqrt((between - 2) / usual))
    one = levels.components(pd.Series([1.0, 3.0], pd.MultiIndex.from_tuples([(0, 0), (1, 0)])))
    assert one.text == ""


def test_complete_leaves_out_columns_before_units():
    wide = pd.DataFrame(np.ones((5, 4)), columns=list("abcd"))
    wide.loc[3:, "d"] = np.nan
    kept = levels.complete(wide)
    assert kept.shape == (5, 3) and levels.leftout(wide, kept) == ["d"]
    needed = levels.complete(wide, lambda columns: "d" in columns)
    assert needed.shape == (3, 4)
    assert levels.complete(wide, lambda columns: "e" in columns).empty


def test_more_rows_never_lose_a_unit():
    rng = np.random.default_rng(2)
    for _ in range(200):
        before = pd.DataFrame(np.where(rng.random((4, 5)) < 0.7, 1.0, np.nan))
        drawn: Any = np.where(rng.random((4, 5)) < 0.3, 1.0, np.nan)
        after = before.where(before.notna(), drawn)
        after[5] = np.where(rng.random(4) < 0.5, 1.0, np.nan)
        few = [len(levels.complete(w, lambda names: len(names) >= 2)) for w in (before, after)]
        assert few[1] >= few[0]
