"""Adds the axes of arms to trials, lists their settings, and averages columns."""

import math
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np
import pandas as pd

from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS

METHOD = ("real_share", "diffusion_share", "augment", "mollified", "half_asleep")
PLACE = ["m_z", "n_c"]
GRADED = ("source_", "half_asleep_")  # prefixes of the fields that define a method
VARIED = {"key", "state", "seed", "replicate", "source", "share", "pool", *PLACE}
AVERAGED = "__overall"  # a mixture of corruptions, left out of means over corruptions
Columns = tuple[str, ...]  # a pattern (accuracy_knn__*) means the mean of the columns that match it


def largest(parts: list[pd.DataFrame]) -> float:
    """Returns the k of most arms and places, then most trials, then the largest; 0 without k."""
    rows = pd.concat(parts) if parts else pd.DataFrame({"real_share": []})
    rows = rows[rows["real_share"] < 1]
    if rows.empty:
        return 0.0

    places = rows[[*METHOD, *PLACE, "k"]].drop_duplicates()["k"].value_counts().to_dict()
    trials: dict[Any, int] = rows["k"].value_counts().to_dict()
    return max(trials, key=lambda k: (places[k], trials[k], k))


def with_axes(trials: pd.DataFrame) -> pd.DataFrame:
    """Adds the axes of Arm as columns to trials; missing fields are at their defaults."""

    def filled(name: str, default: float | str) -> np.ndarray:
        if name not in trials:
            return np.full(len(trials), default)
        column = trials[name].astype(object)
        return column.where(column.notna(), default).astype(type(default)).to_numpy()

    trials = trials.reset_index(drop=True)
    classifier = trials["kind"].to_numpy() == "two_sample"
    real = np.where(classifier, 0.0, filled("source_real_share", 1.0))
    share = np.where(classifier, filled("share", 1.0), filled("source_diffusion_share", 1.0))
    return trials.assign(
        real_share=real,
        diffusion_share=np.where(real == 1, 1.0, share),
        augment=filled("source_augment", ""),
        mollified=filled("source_mollify_epochs", 0.0) > 0,
        half_asleep=filled("half_asleep_from", 0.0) > 0,
        k=np.where((real == 1) | classifier, 0.0, filled("source_k", math.inf)),  # no k: all
        m_z=filled("m_z", 0.0).astype(int),
        n_c=filled("n_c", 0.0).astype(int),
    )


def fields_of(trials: pd.DataFrame) -> Sequence[str]:
    """Returns the fields of the trials that distinguish settings or methods."""
    names = [n for n in map(str, trials.columns) if n not in VARIED]
    return [
        n
        for n in names
        if n == "data" or (n not in ROW_COLUMNS and (n in TRIAL_COLUMNS or n.startswith(GRADED)))
    ]


def mean(trials: pd.DataFrame, columns: Columns) -> pd.Series:
    """Returns row means over the columns, missing if one of them is."""
    means = []
    for pattern in columns:
        names = [n for n in map(str, trials.columns) if fnmatch(n, pattern)]
        names = [n for n in names if n == pattern or AVERAGED not in n]
        if not names:
            return pd.Series(np.nan, index=trials.index)
        means.append(trials[names].astype(float).mean(axis=1, skipna=False))
    return pd.concat(means, axis=1).mean(axis=1, skipna=False)
