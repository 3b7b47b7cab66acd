"""No mean is taken over different images, settings, precisions or estimators."""

import pandas as pd
import pytest

from analysis import curves
from analysis.claims.trials.cells import cells
from analysis.errors import ResultsError
from analysis.statistics.comparable import has, other_images


def marked(frame, name, even, odd):
    """Adds a column that differs between the even and odd seeds of a frame."""
    frame[name] = [even if seed % 2 == 0 else odd for seed in frame["seed"]]
    return frame


MIXED = [
    ("fingerprint", "aaa", "bbb"),
    ("data", "official", "jpeg"),
    ("precision", "float32", "bf16"),
    ("lr", 0.1, 0.2),
    ("partition", "disjoint", "development"),
    ("amortization_steps", 300, 500),
    ("robustness_variant", "kuzina", "standard"),
    ("source_pool", "a", "b"),
]


@pytest.mark.parametrize(("name", "even", "odd"), MIXED)
def test_seeds_that_differ_in_a_column_are_refused_naming_it(frame, name, even, odd):
    assert len(curves.final(frame))
    with pytest.raises(ResultsError, match=rf"mix {name} .*--where"):
        curves.final(marked(frame, name, even, odd))


def test_replicates_have_images_and_pools_of_their_own(frame):
    frame["replicate"] = frame["seed"]
    for name, even, odd in (("fingerprint", "aaa", "bbb"), ("source_pool", "a", "b")):
        frame = marked(frame, name, even, odd)
    assert len(curves.final(frame))
    frame["replicate"] = 0
    with pytest.raises(ResultsError, match="mix"):
        curves.final(frame)


def named(trial, length=9):
    return f"digits-1-digits-edm-c16-share1-r0-s{trial['seed']}-{trial['seed']:012d}-e{length}"


def test_seeds_of_a_replicate_may_have_diffusion_models_of_their_own(frame):
    frame["replicate"] = 0
    frame["source_pool"] = frame.apply(named, axis=1)
    assert len(curves.final(frame))
    longer = frame["seed"] == 1
    frame.loc[longer, "source_pool"] = frame[longer].apply(named, axis=1, length=18)
    with pytest.raises(ResultsError, match="mix source_pool digits-1.*-e9, digits-1.*-e18"):
        curves.final(frame)


def test_a_seed_with_two_pools_is_refused(frame):
    frame["replicate"] = 0
    second = frame.assign(key=frame["key"] + "x", source_pool=frame.apply(named, axis=1))
    first = frame.assign(source_pool=named({"seed": 0}))
    with pytest.raises(ResultsError, match="several trials at .* seed 0"):
        curves.final(pd.concat([first, second], ignore_index=True))


def test_rows_older_than_a_field_have_its_default(frame):
    assert len(curves.final(marked(frame, "precision", None, "auto")))


@pytest.mark.parametrize(("name", "even", "odd"), MIXED[:5])
def test_claims_separate_trials_that_differ(frame, name, even, odd):
    (one,) = cells(frame)
    several = cells(marked(frame, name, even, odd))
    assert len(several) == 2
    assert sum(len(cell.trials) for cell in several) == len(one.trials)


def test_images_must_be_equal_within_a_replicate_only(frame):
    frame = marked(frame, "fingerprint", "aaa", "bbb")
    assert set(other_images(frame)) == {"aaa", "bbb"}
    frame["replicate"] = frame["seed"]
    assert set(other_images(frame)) == {""}


def test_images_that_a_field_distinguishes_are_not_other_files(frame):
    """Drawn at random, BinaryMNIST of one replicate is another than by a threshold."""
    frame["replicate"] = frame["seed"]
    both = [
        frame.assign(binarise=how, key=how + frame["key"])
        for how in ("threshold", "static_bernoulli")
    ]
    frame = pd.concat(both, ignore_index=True)
    frame["fingerprint"] = frame["binarise"] + frame["replicate"].astype(str)
    assert set(other_images(frame)) == {""}
    assert sorted(cell.label for cell in cells(frame)) == [
        "digits, binarise=static_bernoulli",
        "digits, binarise=threshold",
    ]


def test_numbers_of_images_distinguish_classifiers(frame):
    classifiers = marked(frame, "images", 100, 200).assign(kind="two_sample", share=1.0)
    assert sorted(cell.label for cell in cells(classifiers.assign(real="test"))) == [
        "digits, images=100, real=test",
        "digits, images=200, real=test",
    ]


@pytest.mark.parametrize(("kind", "settings"), [("two_sample", 1), ("vae", 2)])
@pytest.mark.parametrize("dtype", [object, "str"])
def test_classifiers_were_always_trained_in_float32(frame, kind, settings, dtype):
    both = marked(frame, "precision", None, "float32").astype({"precision": dtype})
    both = both.assign(kind=kind, share=1.0, real="test")
    assert len(cells(both)) == settings


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "float64", object])
def test_rows_that_have_values_where_missing_equals_missing(dtype):
    rows = pd.DataFrame({"k": pd.Series([5, None, 5, 10], dtype=dtype), "m_z": [1, 1, 2, 1]})
    assert has(rows, [5, 1]).tolist() == [True, False, False, False]
    assert has(rows, [pd.NA, 1]).tolist() == [False, True, False, False]
    assert has(rows, [float("nan"), 2]).tolist() == [False] * 4
    assert has(rows.iloc[:0], [5, 1]).tolist() == []
