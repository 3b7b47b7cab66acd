"""Checks that trials which a mean joins have the same images, settings and estimators.

Means are taken over seeds and replicates. Trials of one replicate (or of one split, if there are no
replicates) were trained on the same images; those of different replicates were not, on purpose. In
one replicate all seeds read one pool, or each that of a diffusion model of its own.
"""

from collections.abc import Sequence
from shlex import quote

import numpy as np
import pandas as pd

from analysis.columns import TRIAL_COLUMNS
from analysis.errors import ResultsError
from analysis.statistics import pool_kinds

CHANCE = ("key", "state", "seed", "replicate", "split")  # means are taken over these
POOLS = ("source_pool", "pool")
DRAWN = ("fingerprint", *POOLS)  # images: the same within a draw; samples: also between its seeds
ESTIMATORS = (  # columns that say how another column's value was estimated
    *("amortization_images", "amortization_steps", "robustness_images", "robustness_variant"),
    *("robustness_references", "sample_quality_extractor", "corruptions"),
)
OPTIONS = "_options"  # ends the names of columns with a metric's options
ENDS = ("stop_when", "stop_after", "stop_kl")  # a finished trial was not ended by these
EVERYWHERE = ("data",)  # the same for all trials in a figure
TELLING = ("kind", "dataset", "train_size", "data", "content", "binarise")  # of other images
DEFAULTS = {"precision": "auto", "partition": "train_and_test"}  # for rows older than the field
CLASSIFIERS = "float32"  # precision of two-sample classifiers, whose older rows do not name it


def check_comparable(trials: pd.DataFrame, place: Sequence[str]) -> None:
    """Raises ResultsError if trials that a mean joins differ in more than chance.

    `trials` has a row per trial; a mean joins those with equal values in the columns of `place`,
    apart from seeds. The error names the column in which they differ.
    """
    groups = [name for name in place if name not in CHANCE and name in trials]
    settings = [n for n in (*TRIAL_COLUMNS, *ESTIMATORS) if n not in (*CHANCE, *DRAWN, *groups)]
    for name in (*settings, *EVERYWHERE):
        joined = [] if name in EVERYWHERE else groups
        _refuse(name, _mixed(trials, name, joined))
    lines = [name for name in ("kind", "dataset") if name in trials]
    if "precision" not in groups:  # no figure compares precisions without naming them
        _refuse("precision", _mixed(trials, "precision", lines))
    draw = [*groups, *_draw(trials), "share"]
    for name in DRAWN:
        if name not in groups:
            _refuse(name, _mixed(trials, name, draw + ["seed"] * (name in POOLS)))
            _refuse(name, _mixed_kinds(trials, name, draw) if name in POOLS else [])


def check_one_curve(trials: pd.DataFrame, chosen: Sequence[str] = ()) -> None:
    """Raises ResultsError if trials of several sizes differ in more than size and chance.

    Otherwise a difference of training time or of a learning rate could pass for one of size. Trials
    of different sources differ in the fields of sources only. `chosen` are fields that a search or
    `--lr-from` chose for each size.
    """
    free = (*CHANCE, *DRAWN, "source", "m_z", "n_c", *ENDS, *chosen)
    for name in (field for field in TRIAL_COLUMNS if field not in free):
        groups = ["source"] if name.startswith("source_") else []
        if mixed := _mixed(trials, name, groups):
            raise ResultsError(
                f"These results mix {name} {', '.join(map(str, mixed))}, which no curve over sizes "
                f"may join. Choose one: --where {quote(f'{name}={mixed[0]}')}"
            )


def other_images(trials: pd.DataFrame) -> pd.Series:
    """Returns each trial's fingerprint of its images if its draw has several, else "".

    If no field explains why the fingerprints in a draw differ, its trials were trained on different
    files.
    """
    if "fingerprint" not in trials:
        return pd.Series("", index=trials.index)
    by = [n for n in (*TELLING, *_draw(trials)) if n in trials]
    several = trials.groupby(by, dropna=False)["fingerprint"].transform("nunique") > 1
    return trials["fingerprint"].where(several, "").fillna("")


def has(rows: pd.DataFrame, values: Sequence[object]) -> np.ndarray:
    """Returns for each row whether it has these values in its columns; missing equals missing.

    pandas refuses to compare a column with the value NA.
    """
    mask = np.full(len(rows), True)
    for name, value in zip(rows, values, strict=True):
        column = rows[name].astype(object).where(rows[name].notna(), None)
        target = None if pd.isna(value) else value  # type: ignore[call-overload]
        mask &= np.array([item == target for item in column], bool)
    return mask


def filled(trials: pd.DataFrame, name: str) -> pd.Series:
    """Returns the column, with the default of that time in rows that are older than the column."""
    column = trials[name]
    if name == "precision" and "kind" in trials:
        older = column.isna() & (trials["kind"] == "two_sample")
        column = column.astype(object).mask(older, CLASSIFIERS) if older.any() else column
    return column.fillna(DEFAULTS[name]) if name in DEFAULTS else column


def _draw(trials: pd.DataFrame) -> list[str]:
    return [name for name in ("replicate", "split", "partition") if name in trials]


def _mixed(trials: pd.DataFrame, name: str, groups: Sequence[str]) -> list[object]:
    """Returns the column's values in the first group that has several, [] if none has."""
    if name not in trials:
        return []
    column = filled(trials, name)
    if column.nunique() < 2:  # nearly all columns: no need to look at groups
        return []
    by = [trials[group] for group in groups if group in trials]
    parts = column.groupby(by, dropna=False) if by else [((), column)]
    for _, part in parts:
        values = part.dropna().unique()
        if len(values) > 1:
            return list(values)
    return []


def _mixed_kinds(trials: pd.DataFrame, name: str, groups: Sequence[str]) -> list[object]:
    """Returns pools of different kinds that are read in one group, [] if there are none."""
    if name not in trials or trials[name].nunique() < 2:
        return []
    by = [trials[group] for group in groups if group in trials]
    parts = (part for _, part in (trials.groupby(by, dropna=False) if by else [((), trials)]))
    return next(filter(None, (pool_kinds.mixed(part, name) for part in parts)), [])


def _refuse(name: str, values: list[object]) -> None:
    if values:
        raise ResultsError(
            f"These results mix {name} {', '.join(map(str, values))}, over which no mean is taken. "
            f"Choose one: --where {quote(f'{name}={values[0]}')}"
        )
