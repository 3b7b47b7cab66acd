"""Conditions on columns, each compared with the obvious selection, and refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import ResultsError
from analysis.selection.where import OPERATORS, Condition, column, met, parse

FRAME = pd.DataFrame(
    {
        "m_z": [1, 4, 16, 4],
        "lr": [0.1, np.nan, 1e-4, 0.01],
        "dataset": ["digits", "my own.npz", "mnist", None],
        "batch_norm": [True, False, True, False],
        "source_k": [np.nan, 5.0, 10.0, 5.0],
    }
)


def chosen(*words):
    """Returns the rows that meet all of the conditions."""
    kept = np.ones(len(FRAME), bool)
    for condition in parse(words):
        kept &= met(FRAME, condition)
    return np.flatnonzero(kept).tolist()


@pytest.mark.parametrize(("words", "rows"), [
    ([], [0, 1, 2, 3]),
    (["m_z=4"], [1, 3]),
    (["m_z>=4 and lr<0.1"], [2, 3]),
    (["m_z>=4", "and", "lr<0.1"], [2, 3]),
    (["lr!=0.1"], [1, 2, 3]),
    (["lr==none"], [1]),
    (["lr!=NULL"], [0, 2, 3]),
    (["dataset==digits"], [0]),
    (["dataset!=digits"], [1, 2, 3]),
    (["dataset=='my own.npz'"], [1]),
    (['dataset == "my own.npz" and m_z > 1'], [1]),
    (["dataset>digits"], [1, 2]),
    (["batch_norm==TRUE"], [0, 2]),
    (["batch_norm != true"], [1, 3]),
    (["source.k==5"], [1, 3]),
    (["source_k>5"], [2]),
    (["dataset=='none'"], []),
    (["grad_clip==none"], [0, 1, 2, 3]),
    (["grad_clip>0"], []),
])  # fmt: skip
def test_rows_that_meet_all_conditions_are_selected(words, rows):
    assert chosen(*words) == rows


NUMBERS = st.sampled_from(["1", "4", "4.0", "0.01", "1e-4", "16", "-3"])


@given(st.sampled_from(["m_z", "lr", "source_k"]), st.sampled_from(sorted(OPERATORS)), NUMBERS)
def test_numbers_are_compared_row_by_row_and_a_missing_one_differs(name, sign, number):
    slow = []
    for row, value in enumerate(FRAME[name].tolist()):
        if value != value:
            slow += [row] if sign == "!=" else []
        elif OPERATORS[sign](value, float(number)):
            slow.append(row)
    assert chosen(f"{name}{sign}{number}") == slow


@given(st.lists(st.tuples(st.sampled_from(["m_z", "lr"]), st.sampled_from(["==", "<=", "!="]),
                          NUMBERS), min_size=1, max_size=4))  # fmt: skip
def test_conditions_joined_by_and_equal_separate_ones(terms):
    apart = [f"{name}{sign}{number}" for name, sign, number in terms]
    spaced = [f"{name} {sign} {number}" for name, sign, number in terms]
    assert parse([" and ".join(spaced)]) == [
        Condition(f"{name} {sign} {number}", name, sign, number) for name, sign, number in terms
    ]
    assert chosen(" and ".join(apart)) == chosen(*apart) == chosen(*spaced)


@pytest.mark.parametrize(("words", "message"), [
    (["m_z"], "cannot be read. Write COLUMN==VALUE"),
    (["m_z=="], "cannot be read"),
    (["==4"], "cannot be read"),
    (["m_z=>4"], "unknown operator '=>'. Did you mean '>='"),
    (["m_z is 4"], "unknown operator 'is'"),
    (["dataset==my own=1"], "cannot be read"),
    (["dataset=='torn"], "cannot be read"),
    (["m_z==four"], "'four' is not a number"),
    (["m_z==nan"], "'nan' is not a number"),
    (["lr>none"], "none has no order"),
    (["batch_norm==1"], "this is a flag"),
    (["batch_norm>true"], "this is a flag"),
    (["mz==4"], "There is no column 'mz'. Did you mean 'm_z'"),
])  # fmt: skip
def test_conditions_that_cannot_be_read_or_compared_are_refused(words, message):
    with pytest.raises(ResultsError, match=message):
        chosen(*words)


def test_a_whole_number_is_compared_exactly():
    """Above 2^53 neighbouring whole numbers are equal as floats."""
    frame = pd.DataFrame({"seed": [2**53, 2**53 + 1]})
    (condition,) = parse([f"seed=={2**53 + 1}"])
    assert met(frame, condition).tolist() == [False, True]


def test_a_known_column_that_no_trial_has_is_missing_everywhere():
    assert column(FRAME, "source.pool").isna().all()
    assert column(FRAME, "source.k").equals(FRAME["source_k"])
    assert [c.of_source for c in parse(["source.k==1 and source_k==1 and m_z==1"])] == [1, 1, 0]
