"""Finds the best means of a table's rows, and those that are not shown to be worse."""

import numpy as np
import pandas as pd

from analysis.figures import marks
from analysis.statistics.intervals import FEW_SEEDS, t_interval


def tied(table: pd.DataFrame, place: list[str], sign: pd.Series) -> pd.Series:
    """Returns whether each row's mean is the best at its `place`, or not shown to be worse.

    A mean is shown to be worse if the 95 % t interval of the paired differences of at least three
    common draws excludes 0. `sign` is 1 where high values are best and -1 where low ones are;
    the table's `overlap` widens the intervals of splits that overlap.
    """
    values = marks.seed_values(table).astype(float).mul(sign, axis=0).to_numpy()
    means = (table["mean"] * sign).to_numpy(dtype=float)
    overlap = table.get("overlap", pd.Series(0.0, table.index)).to_numpy(dtype=float)
    result = np.zeros(len(table), dtype=bool)
    groups = table.groupby(place, sort=False, dropna=False).indices
    for rows in map(np.asarray, groups.values()):
        best = rows[np.nanargmax(means[rows])]
        for index in rows:
            behind = t_interval(pd.Series(values[best] - values[index]), overlap=overlap[index])
            decided = behind.n >= FEW_SEEDS
            result[index] = means[index] == means[best] or (decided and not behind.low > 0)
    return pd.Series(result, table.index)
