"""The distance of a pool's samples to D_train, in the rows of trials that read the pool."""

import json

import pandas as pd
import pytest

from analysis import results as reading
from analysis.storage.pool_quality import with_pool_quality
from tests.analysis.pool_files import QUALITY, add_pool, grey

WHOLE = {"to_train_samples": 0.11, "to_train_test": 0.14}


def frame(**columns):
    return pd.DataFrame({"kind": "vae", **columns})


def test_each_trial_has_the_numbers_of_its_own_pool(results):
    near = add_pool(results, 1.0, grey(), quality=QUALITY | WHOLE)
    old = add_pool(results, 0.5, grey())
    add_pool(results, 0.2, grey(), quality=None)
    pools = [near.name, old.name, None, "pool-digits-share0.2-s0", near.name]
    made = with_pool_quality(frame(source_pool=pools), results.root)
    assert made["pool_nearest"].tolist()[:2] == [0.11, 0.16]  # all of D_train, if it is known
    assert made["pool_nearest_test"].tolist()[:2] == [0.14, 0.15]
    assert made["pool_near_copies"].tolist()[:2] == [0.002, 0.002]
    assert made["pool_nearest"].isna().tolist() == [False, False, True, True, False]


def test_classifiers_name_their_pool_in_another_column(results):
    name = add_pool(results, 1.0, grey()).name
    made = with_pool_quality(frame(source_pool=[None, None], pool=[name, None]), results.root)
    assert made["pool_near_copies_test"].tolist()[0] == 0.001


def test_loaded_results_have_the_numbers_of_pools(results):
    name = add_pool(results, 1.0, grey()).name
    fields = {"kind": "two_sample", "dataset": "digits", "share": 1.0, "seed": 0, "pool": name}
    results.add(fields, [{"epoch": 2, "accuracy": 0.6}], key="c2st")
    loaded = reading.load(results.close()).set_index("key")
    assert loaded.loc["c2st", "pool_nearest"] == 0.16


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"nearest_samples_train": "x"}'])
def test_a_damaged_record_counts_as_none(results, text):
    folder = add_pool(results, 1.0, grey())
    (folder / "quality.json").write_text(text)
    before = frame(source_pool=[folder.name])
    assert with_pool_quality(before, results.root) is before


def test_records_outside_of_the_results_are_not_read(results):
    outside = results.root.parent / "pools" / "x"
    outside.mkdir(parents=True)
    (outside / "quality.json").write_text(json.dumps(QUALITY))
    before = frame(source_pool=["../../pools/x"])
    assert with_pool_quality(before, results.root) is before
