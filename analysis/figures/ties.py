"""Which means of a table's row are the best, and which are not shown to be worse."""

import pandas as pd

from analysis.figures import marks
from analysis.intervals import FEW_SEEDS, t_interval


def tied(table: pd.DataFrame, place: list[str], sign: pd.Series) -> pd.Series:
    """Whether each row's mean is the best at its `place`, or not shown to be worse than that.

    Worse is shown where the 95 % t interval of the differences, draw by draw, leaves out 0, three
    draws being in common. `sign` is 1 where high values are best and -1 where low ones are;
    `overlap` in the table widens the intervals of splits that overlap.
    """
    values = marks.seed_values(table).astype(float).mul(sign, axis=0)
    overlap = table.get("overlap", pd.Series(0.0, table.index))
    found = pd.Series(False, table.index)
    for _, rows in (table["mean"] * sign).groupby([table[name] for name in place], sort=False):
        best = rows.idxmax()
        for at in rows.index:
            behind = t_interval((values.loc[best] - values.loc[at]), overlap=float(overlap[at]))
            decided = behind.n >= FEW_SEEDS
            found[at] = rows[at] == rows[best] or (decided and not behind.low > 0)
    return found
