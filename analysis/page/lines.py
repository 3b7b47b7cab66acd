"""Names the line that each trial of a page belongs to, and its draw."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.columns import TRIAL_COLUMNS
from analysis.naming import names

# Fields in which the trials of one line differ; all others distinguish lines.
WITHIN = {"key", "kind", "state", "m_z", "n_c", "seed", "split", "replicate", "source"}
WITHIN |= {"source_pool", "pool", "modules"}
VAES_ALONE = {"source": "str", "m_z": "Int64", "n_c": "Int64"}  # other kinds lack these columns


def lined(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the columns `line` and `drawn` to a frame with a row per trial and epoch.

    `line` is the source (or the kind) and the fields that vary among its trials, as in "dmaapx,
    source_k=10". `drawn` is the number of the replicate, or the seed of trials without one.
    """
    for column, dtype in VAES_ALONE.items():
        if column not in frame:
            frame = frame.assign(**{column: pd.Series(pd.NA, frame.index, dtype=dtype)})
    name = frame["source"].where(frame["source"].notna(), frame["kind"])
    fields = [n for n in frame if n in TRIAL_COLUMNS and n not in WITHIN]
    line = name.astype(object)
    for source in name.unique():
        rows = frame[name == source]
        varying = [n for n in fields if rows[n].nunique(dropna=False) > 1]
        line[rows.index] += names(rows, varying)
    draws = frame["seed"]
    if "replicate" in frame:
        draws = frame["replicate"].where(frame["replicate"].notna(), frame["seed"])
    return frame.assign(line=line, drawn=draws.astype("Int64"))


def groups(
    frame: pd.DataFrame, by: list[str], dropna: bool = True
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yields the values of `by` and the rows that have them, sorted by those values."""
    for values, part in frame.groupby(by, dropna=dropna):
        yield tuple(values) if isinstance(values, tuple) else (values,), part


def order(names: pd.Series) -> list[str]:
    """Sorts lines: normal training first, then DMaaPx, then others by name."""
    rank = {"normal": 0, "dmaapx": 1}
    return sorted(set(names), key=lambda n: (rank.get(n.partition(",")[0], 2), n))
