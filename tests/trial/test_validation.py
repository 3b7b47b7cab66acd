"""Values of fields: those that fit their types, how text is read, and refusals."""

from dataclasses import asdict, dataclass
from typing import Literal

import pytest

from scaling.errors import UsageError
from scaling.trial.validation import Validated


@dataclass(frozen=True)
class Inner(Validated):
    depth: int = 1


@dataclass(frozen=True)
class Made(Validated):
    count: int
    share: float = 0.5
    flag: bool = False
    choice: Literal["a", "b", 3] = "a"
    sides: tuple[int, ...] = (1, 2)
    maybe: int | None = None
    inner: Inner = Inner()


@pytest.mark.parametrize(("fields", "name", "value"), [
    ({"count": 3}, "count", 3),
    ({"count": 3, "share": 1}, "share", 1.0),
    ({"count": 3, "sides": [4, 5]}, "sides", (4, 5)),
    ({"count": 3, "maybe": 7}, "maybe", 7),
    ({"count": 3, "choice": 3}, "choice", 3),
    ({"count": 3, "choice": 3.0}, "choice", 3),
    ({"count": 3, "inner": {"depth": 2}}, "inner", Inner(2)),
])  # fmt: skip
def test_a_value_that_fits_becomes_the_fields_type(fields, name, value):
    found = getattr(Made(**fields), name)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(("fields", "message"), [
    ({"count": 1.5}, "count=1.5 does not fit: a whole number is expected"),
    ({"count": True}, "count=True does not fit"),
    ({"count": "3"}, "count='3' does not fit"),
    ({"count": None}, "count=None does not fit"),
    ({"count": 1, "share": True}, "share=True does not fit: a number"),
    ({"count": 1, "share": float("nan")}, "share=nan"),
    ({"count": 1, "share": float("inf")}, "share=inf"),
    ({"count": 1, "flag": 1}, "flag=1 does not fit: True or False"),
    ({"count": 1, "choice": "c"}, "choice='c' does not fit: a or b or 3 is expected"),
    ({"count": 1, "sides": (1, 2.0)}, "sides=.*numbers such as 1,2"),
    ({"count": 1, "sides": (True,)}, "sides="),
    ({"count": 1, "sides": 4}, "sides=4"),
    ({"count": 1, "maybe": "x"}, "maybe='x' does not fit: a whole number or none is expected"),
    ({"count": 1, "inner": {"deep": 2}}, "Inner has no field deep"),
    ({"count": 1, "inner": 2}, "inner=2 does not fit: a Inner"),
])  # fmt: skip
def test_the_refusal_of_a_value_says_what_would_fit(fields, message):
    with pytest.raises(UsageError, match=message):
        Made(**fields)


@pytest.mark.parametrize(("name", "text", "value"), [
    ("count", "3", 3), ("count", "-3", -3), ("share", "1e-3", 1e-3), ("share", "2", 2.0),
    ("flag", "true", True), ("flag", "False", False), ("choice", "b", "b"), ("choice", "3", 3),
    ("sides", "4,8,16", (4, 8, 16)), ("sides", "4", (4,)), ("maybe", "none", None),
    ("maybe", "Null", None), ("maybe", "5", 5),
])  # fmt: skip
def test_a_word_is_read_as_the_fields_type(name, text, value):
    found = Made.parse(name, text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(("name", "text", "message"), [
    ("cuont", "3", "Unknown field 'cuont'. Did you mean 'count'.*Known fields: choice, count"),
    ("count", "3.5", "a whole number is expected"), ("share", "nan", "a number is expected"),
    ("share", "half", "a number is expected"), ("flag", "yes", "True or False is expected"),
    ("sides", "4,", "numbers such as 1,2"), ("choice", "4", "a or b or 3"),
])  # fmt: skip
def test_a_word_that_does_not_fit_is_refused(name, text, message):
    with pytest.raises(UsageError, match=message):
        Made.parse(name, text)


def test_the_json_form_comes_back():
    made = Made(3, choice="b", inner=Inner(4), maybe=1)
    assert Made.from_dict(asdict(made)) == made
    assert Made.from_dict({"count": 3}) == Made(3)


@pytest.mark.parametrize(("values", "message"), [
    ({}, "Made lacks the field count"),
    ({"count": 1, "b": 2, "a": 1}, "Made has no field a, b"),
])  # fmt: skip
def test_missing_and_unknown_fields_are_named(values, message):
    with pytest.raises(UsageError, match=message):
        Made.from_dict(values)
