"""A file with rows in any order and any columns gives one answer or a sentence."""

import numpy as np
import pandas as pd
import pytest

from analysis import curves
from analysis.claims import ledger
from analysis.errors import ResultsError
from analysis.results import load
from analysis.storage.invariants import EVERY_ROW, ROWS_OF, checked


@pytest.fixture
def file(frame, tmp_path):
    """Returns a function that writes a changed frame and returns its path."""

    def written(change=lambda f: f):
        path = tmp_path / "rows.parquet"
        change(frame.copy()).to_parquet(path, index=False)
        return path

    return written


def shuffled(frame):
    return frame.sample(frac=1, random_state=0)


def test_any_order_of_rows_gives_one_frame_one_figure_one_ledger(file):
    as_written, other = load(file()), load(file(shuffled))
    pd.testing.assert_frame_equal(as_written, other)
    pd.testing.assert_frame_equal(curves.final(as_written), curves.final(other))
    pd.testing.assert_frame_equal(ledger(as_written), ledger(other))


def test_without_sorting_the_order_of_rows_would_matter(frame):
    last = frame.groupby("key")["test_elbo"].last()
    assert (shuffled(frame).groupby("key")["test_elbo"].last() != last).any()


@pytest.mark.parametrize("name", [*EVERY_ROW, *ROWS_OF["vae"]])
def test_a_needed_column_that_is_missing_or_has_gaps_is_named(file, name):
    with pytest.raises(ResultsError, match=rf"\b{name}\b"):
        load(file(lambda f: f.drop(columns=name)))
    with pytest.raises(ResultsError, match=rf"\b{name}\b"):
        load(file(lambda f: f.assign(**{name: f[name].where(f.index > 3)})))


@pytest.mark.parametrize("name", ["test_elbo", "seed", "m_z", "epoch", "parameters", "lr"])
def test_text_in_a_column_of_numbers_is_named(file, name):
    with pytest.raises(ResultsError, match=rf"column {name} holds str 'wide'"):
        load(file(lambda f: f.assign(**{name: "wide"})))


@pytest.mark.parametrize("name", ["source", "key", "dataset", "network"])
def test_numbers_in_a_column_of_text_are_named(file, name):
    with pytest.raises(ResultsError, match=rf"column {name} holds"):
        load(file(lambda f: f.assign(**{name: 1.5})))


def test_infinities_are_not_measured(file):
    broken = load(file(lambda f: f.assign(test_elbo=np.inf, own=-np.inf)))
    assert broken["test_elbo"].isna().all() and broken["own"].isna().all()


def test_floats_become_whole_numbers_or_are_refused(file):
    found = load(file(lambda f: f.assign(seed=f["seed"].astype(float))))
    assert str(found["seed"].dtype) == "int64"
    with pytest.raises(ResultsError, match="column seed holds 0.5"):
        load(file(lambda f: f.assign(seed=f["seed"] + 0.5)))


def test_a_repeated_row_and_a_field_that_changes_are_named(file):
    with pytest.raises(ResultsError, match="epoch 40 of .* twice"):
        load(file(lambda f: pd.concat([f, f.head(1)])))
    with pytest.raises(ResultsError, match="column lr is not the same"):
        load(file(lambda f: f.assign(lr=np.arange(len(f)) / 8)))


def test_columns_of_no_known_kind_are_left_out(file):
    found = load(file(lambda f: f.assign(own=[[1, 2]] * len(f), mine=1.5)))
    assert "own" not in found and found["mine"].eq(1.5).all()


@pytest.mark.parametrize("name", ["lr", "batch", "train_size", "d_z", "generalization_gap"])
def test_a_column_that_nobody_needs_may_be_missing(file, name):
    assert len(curves.final(load(file(lambda f: f.drop(columns=name)))))


def test_a_column_that_occurs_twice_is_refused():
    frame = pd.DataFrame([[1, 2]], columns=["epoch", "epoch"])
    with pytest.raises(ResultsError, match="has the column epoch twice. Remove one of them"):
        checked(frame, "a.parquet")


def test_values_of_columns_of_text_are_not_looked_at_one_by_one(frame, monkeypatch):
    assert len(frame) > frame.shape[1]
    text, seen = type(frame["key"].array), [0]
    one_by_one = text.__iter__
    monkeypatch.setattr(text, "__iter__", lambda self: seen.append(len(self)) or one_by_one(self))
    assert len(checked(frame, "made up")) == len(frame)
    assert max(seen) <= frame.shape[1]  # names of columns alone
