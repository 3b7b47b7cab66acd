"""Names settings by the fields in which they differ from each other."""

from collections.abc import Sequence

import pandas as pd

MANY = 3  # if 3 or more fields vary, a name lists only those whose value most trials do not have


def text_of(value: object) -> str:
    """Formats a field's value; a missing one is "none"."""
    return "none" if pd.isna(value) else str(value)  # type: ignore[call-overload]


def names(trials: pd.DataFrame, fields: Sequence[str]) -> pd.Series:
    """Returns for each row its values of the fields, as in ", lr=0.01, k=5"; "" without fields.

    If the fields are many, those at their most common value are left out: a study of many options
    varies each of them alone.
    """
    result = pd.Series("", index=trials.index, dtype=object)
    for name in fields:
        values = trials[name].astype(object).map(text_of)
        text = f", {name}=" + values
        if len(fields) >= MANY:
            text = text.where(values != values.value_counts().index[0], "")
        result = result + text
    return result
