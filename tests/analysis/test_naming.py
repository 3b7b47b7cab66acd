"""Names of settings: what varies, and of many fields what is unusual."""

import pandas as pd

from analysis.naming import names, text_of


def trials(**columns):
    return pd.DataFrame(columns)


def test_a_name_has_all_of_few_fields():
    some = trials(lr=[0.1, 0.2], k=pd.array([5, None], dtype="Int64"))
    assert names(some, ["lr", "k"]).tolist() == [", lr=0.1, k=5", ", lr=0.2, k=none"]
    assert names(some, []).tolist() == ["", ""]


def test_of_many_fields_it_has_those_that_are_not_as_in_most_trials():
    some = trials(
        a=["x", "x", "x", "y"],
        b=pd.array([None, "clip", None, None], dtype="str"),
        c=[1.0, 1.0, float("nan"), 1.0],
    )
    found = names(some, ["a", "b", "c"])
    assert found.tolist() == ["", ", b=clip", ", c=none", ", a=y"]


def test_trials_that_differ_have_different_names():
    some = trials(a=[0, 0, 1, 1, 0], b=[0, 1, 0, 1, 0], c=[0, 0, 0, 1, 1])
    assert names(some, ["a", "b", "c"]).nunique() == 5


def test_a_missing_value_of_any_type_is_none():
    assert [text_of(v) for v in (None, float("nan"), pd.NA, 0, "", False)] == [
        "none", "none", "none", "0", "", "False",
    ]  # fmt: skip
