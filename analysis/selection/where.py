"""Parses and applies `--where`: conditions on columns, such as `m_z>1 and source==dmaapx`.

Figures and `scaling-vae evaluate` both use it. The names are the columns of
`analysis.results.load`; `source.k`, the spelling of `--set`, is the column `source_k`.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from analysis.columns import COLUMNS
from analysis.errors import ResultsError, did_you_mean

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
EQUALITY = ("==", "=", "!=")  # the operators that need no order
NOTHING = ("none", "null")  # words for a missing value
TERM = re.compile(
    r"""\s*(?P<term>(?P<column>[^\s=<>!]+)\s*
    (?P<sign>[=<>!]+|(?<=\s)[a-z]+(?=\s))\s*
    (?P<value>'[^']*'|"[^"]*"|[^\s=<>!].*?))
    (?:\s+and\s|\s*$)""",
    re.VERBOSE | re.DOTALL,
)
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
DOUBTFUL = re.compile(r"""["'].*|.*\s.*[=<>!].*|.*\sand""", re.DOTALL)  # values that need quotes


@dataclass(frozen=True)
class Condition:
    """Holds a comparison of a column with a value; `text` is how it was typed."""

    text: str
    column: str
    sign: str
    value: str
    quoted: bool = False

    @property
    def is_none(self) -> bool:
        """Returns whether the condition selects missing values, or all others."""
        return not self.quoted and self.value.lower() in NOTHING

    @property
    def of_source(self) -> bool:
        """Returns whether the column is a field of the source (the training distribution)."""
        return self.column.startswith(("source_", "source."))


def parse(words: Iterable[str]) -> list[Condition]:
    """Parses words, each of which is a condition or several joined by `and`.

    Raises ResultsError for a word that cannot be parsed.
    """
    return [condition for word in words if word.strip() != "and" for condition in _terms(word)]


def _terms(word: str) -> list[Condition]:
    conditions, start = [], 0
    while word[start:].strip():
        match = TERM.match(word, start)
        if not match:
            raise _unreadable(word)
        start, sign, value = match.end(), match["sign"], match["value"]
        if sign not in OPERATORS:
            raise ResultsError(
                f"--where {match['term']!r}: unknown operator {sign!r}. "
                f"{did_you_mean(sign, OPERATORS)}Known operators: {' '.join(OPERATORS)}."
            )
        quoted = QUOTED.fullmatch(value) is not None
        if DOUBTFUL.fullmatch(value) and not quoted:
            raise _unreadable(word)
        value = value[1:-1] if quoted else value
        conditions.append(Condition(match["term"], match["column"], sign, value, quoted))
    return conditions


def _unreadable(word: str) -> ResultsError:
    return ResultsError(
        f"--where {word.strip()!r} cannot be read. Write COLUMN==VALUE, several joined by 'and', "
        f"texts with spaces in quotes; known operators: {' '.join(OPERATORS)}."
    )


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Returns the column of that name, all missing if it is known but absent in these results.

    Raises ResultsError for an unknown name.
    """
    flat = name if name in frame else name.replace(".", "_")
    if flat in frame:
        return frame[flat]
    if flat in COLUMNS:
        return pd.Series(np.nan, frame.index)
    names = list(map(str, frame.columns))
    raise ResultsError(
        f"There is no column {name!r}. {did_you_mean(flat, [*names, *COLUMNS])}"
        f"Choose one of: {', '.join(names)}."
    )


def met(frame: pd.DataFrame, condition: Condition) -> np.ndarray:
    """Returns for each row whether it meets the condition.

    Numbers are compared as numbers, flags as true and false, all else as text. A missing value
    meets `!=` only, and `==none`. Raises ResultsError for a value that does not fit the column.
    """
    values, sign = column(frame, condition.column), condition.sign
    absent = values.isna().to_numpy(bool)
    if condition.is_none:
        if sign not in EQUALITY:
            raise ResultsError(f"--where {condition.text}: none has no order. Write == or !=.")
        none = absent | (values.astype(str).str.lower().isin(NOTHING) & ~absent).to_numpy(bool)
        return ~none if sign == "!=" else none
    result = np.full(len(frame), sign == "!=")
    if not absent.all():
        present, value = _comparable(values[~absent], condition)
        result[~absent] = OPERATORS[sign](present, value)
    return result


def possible(trials: list[dict[str, Any]], condition: Condition) -> list[dict[str, Any]]:
    """Returns the trials without rows that meet the condition, as far as is known of them."""
    if not trials or condition.column not in trials[0]:
        return trials
    fits = met(pd.DataFrame(trials), condition)
    return [trial for trial, fit in zip(trials, fits, strict=True) if fit]


def _comparable(values: pd.Series, condition: Condition) -> tuple[np.ndarray, object]:
    """Returns the column's values and the condition's, both as numbers, flags or texts."""
    if is_bool_dtype(values.dtype):
        flags = {"true": True, "false": False}
        if condition.value.lower() not in flags or condition.sign not in EQUALITY:
            raise ResultsError(
                f"--where {condition.text}: this is a flag. Write == or != and true or false."
            )
        return values.to_numpy(bool), flags[condition.value.lower()]
    if not is_numeric_dtype(values.dtype):
        return values.astype(str).to_numpy(object), condition.value
    return values.to_numpy(), _number(condition)


def _number(condition: Condition) -> int | float:
    """Returns the condition's value as a number, exact if it is whole."""
    for kind in (int, float):
        try:
            number = kind(condition.value)
        except ValueError:
            continue
        if number == number:  # not NaN
            return number
    raise ResultsError(f"--where {condition.text}: {condition.value!r} is not a number. Write one.")
