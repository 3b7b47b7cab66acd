"""Checks what figures and claims assume of a frame of results, whoever wrote its file.

Rows are sorted by trial and epoch, no epoch occurs twice, columns have the type of their unit,
numbers are finite, and every row contains the fields that identify its trial.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from pandas.api import types

from analysis.columns import COLUMNS, COUNT, FLAG, TEXT, TRIAL_COLUMNS
from analysis.errors import ResultsError
from analysis.storage.unmeasured import unmeasured, with_unmeasured

EVERY_ROW = ("key", "kind", "state", "epoch")
ROWS_OF = {  # in addition, in the rows of a kind
    "vae": ("dataset", "seed", "source", "m_z", "n_c"),
    "two_sample": ("dataset", "seed", "share"),
}
ADVICE = "Remove those rows, or give the study's folder instead."


def checked(frame: pd.DataFrame, file: object) -> pd.DataFrame:
    """Returns the frame sorted by key and epoch, with infinities as missing values.

    `file` names its file. Raises ResultsError, which names the column, if a column of `EVERY_ROW`
    or `ROWS_OF` is missing or has gaps, if a column of COLUMNS has values of another type than its
    unit, if a trial has an epoch twice, or if a trial's rows differ in one of its fields.
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ResultsError(f"{file} has the column {twice[0]} twice. Remove one of them.")
    columns = {str(name): _typed(str(name), frame[name], file) for name in frame}
    checked = pd.DataFrame({name: column for name, column in columns.items() if column is not None})
    _check_named(checked, file)
    checked = checked.sort_values(["key", "epoch"], kind="stable", ignore_index=True)
    _check_rows(checked, file)
    return with_unmeasured(checked, unmeasured(frame))


def _typed(name: str, column: pd.Series, file: object) -> pd.Series | None:
    """Returns the column in the type of its unit.

    None for a column of unknown name that holds neither numbers nor text.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    unit = COLUMNS[name][0] if name in COLUMNS else None
    if unit is None and not (types.is_numeric_dtype(column) or _is_text(column)):
        return None
    if unit is not None and column.notna().any():
        expected, fits = _expected(unit)
        if not fits(column):
            raise ResultsError(
                f"{file}: the column {name} holds {_sample(column)} instead of {expected}. {ADVICE}"
            )
    if types.is_float_dtype(column):
        column = column.replace([np.inf, -np.inf], np.nan)
    if unit == COUNT and column.notna().any():
        column = _whole(name, column, file)
    return column


def _expected(unit: str) -> tuple[str, Callable[[pd.Series], bool]]:
    """Returns what a column of the unit holds, in words, and a test of it."""
    if unit == TEXT:
        return "text", _is_text
    if unit == FLAG:
        return "true or false", types.is_bool_dtype
    return "a number", lambda c: types.is_numeric_dtype(c) and not types.is_bool_dtype(c)


def _is_text(column: pd.Series) -> bool:
    is_string = isinstance(column.dtype, pd.StringDtype)  # it holds nothing but text
    return is_string or all(type(value) is str for value in column.dropna())


def _whole(name: str, column: pd.Series, file: object) -> pd.Series:
    """Returns whole numbers as integers; a file may hold them as floats because of gaps."""
    if types.is_integer_dtype(column):
        return column
    broken = column.notna() & (column % 1 != 0)
    if broken.any():
        raise ResultsError(
            f"{file}: the column {name} holds {column[broken].iloc[0]} instead of a whole "
            f"number. {ADVICE}"
        )
    if column.abs().max() >= 2**63:
        return column
    return column.astype("Int64") if column.isna().any() else column.astype("int64")


def _check_named(frame: pd.DataFrame, file: object) -> None:
    """Raises ResultsError if a row lacks a value that figures need."""
    _check_columns(frame, EVERY_ROW, "", file)
    for kind, names in ROWS_OF.items():
        _check_columns(frame[frame["kind"] == kind], names, f" of kind {kind}", file)
    first = frame["epoch"].min()
    if len(frame) and first < 1:
        raise ResultsError(f"{file}: the column epoch holds {first}, and epochs begin at 1.")


def _check_columns(rows: pd.DataFrame, names: tuple[str, ...], which: str, file: object) -> None:
    lacking = [name for name in names if name not in rows] if len(rows) or not which else []
    if lacking:
        raise ResultsError(
            f"{file} lacks the column {', '.join(lacking)}, which rows{which} need. "
            "Give a study's trials.parquet, or its folder, with --results."
        )
    for name in names if len(rows) else ():
        empty = int(rows[name].isna().sum())
        if empty:
            raise ResultsError(
                f"{file}: the column {name} is empty in {empty} rows{which}. {ADVICE}"
            )


def _check_rows(frame: pd.DataFrame, file: object) -> None:
    """Raises ResultsError if a trial has an epoch twice or differing values of a field.

    The frame is sorted by key and epoch.
    """
    same_trial = frame["key"].eq(frame["key"].shift())
    twice = same_trial & frame["epoch"].eq(frame["epoch"].shift())
    if twice.any():
        key, epoch = frame.loc[twice, ["key", "epoch"]].iloc[0]
        raise ResultsError(f"{file} has epoch {epoch} of {key} twice. Remove one of the two rows.")
    for name in [name for name in TRIAL_COLUMNS if name in frame and name != "key"]:
        values = frame[name]
        before = values.shift()
        unchanged = values.eq(before).fillna(False).astype(bool) | (values.isna() & before.isna())
        if (same_trial & ~unchanged).any():
            raise ResultsError(
                f"{file}: the column {name} is not the same in all rows of "
                f"{frame.loc[same_trial & ~unchanged, 'key'].iloc[0]}. {ADVICE}"
            )


def _sample(column: pd.Series) -> str:
    """Formats one of the unexpected values, shortened."""
    values = column.dropna()
    texts = values[values.map(lambda value: isinstance(value, str))]
    value = (texts if len(texts) else values).iloc[0]
    return f"{type(value).__name__} {str(value)[:40]!r}"
