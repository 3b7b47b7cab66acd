"""Frames with more than 100 columns: pandas warns about them if they were split into as many."""

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.curves import final
from analysis.lines import vaes
from analysis.results import load
from analysis.retype import retyped
from tests.cluster.conftest import ROOT

WIDE = ROOT / "analysis/published/cifar10-small/downstream.parquet"  # accuracies by corruption


def test_the_named_columns_are_retyped_and_the_others_stay():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": ["x", "y"]}, index=[5, 7])
    frame.attrs["name"] = "kept"
    changed = retyped(frame, int, ["b"])
    pd.testing.assert_frame_equal(changed, frame.astype({"b": int}))
    assert changed.attrs == frame.attrs


@pytest.mark.parametrize("reduced", [final, vaes])
def test_reduced_frames_are_not_split_into_a_block_for_each_column(reduced):
    frame = reduced(load(WIDE))
    assert frame.shape[1] > 100
    frame.insert(0, "another", 0.0)  # pandas warns here, and warnings are errors


@pytest.mark.parametrize("word, code", [("cost", 0), ("page", 0), ("heat", 2), ("law", 2)])
def test_results_of_many_columns_are_shown_or_refused_without_a_warning(word, code, tmp_path):
    results, suffix = ([str(WIDE)], "html") if word == "page" else (["--results", str(WIDE)], "png")
    assert main([word, *results, "-o", str(tmp_path / f"drawn.{suffix}")]) == code
