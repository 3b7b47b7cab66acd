"""Splits a setting by the options of its methods.

An arm names a method, such as tuned augmentation, and not how often it augments. Trials with other
such options are other methods: a claim is judged for each way by itself.
"""

from collections.abc import Sequence
from itertools import chain, product

import numpy as np
import pandas as pd

from analysis.claims.rules.terms import Term
from analysis.claims.trials.axes import METHOD
from analysis.claims.trials.cells import Cell

OPTIONS = {  # a method's option: which trials it describes
    "source_augment_strength": "augmented",
    "source_augment_probability": "augmented",
    "source_augment_flip": "augmented",
    "source_augment_shift": "augmented",
    "source_augment_filter": "augmented",
    "source_keep_real": "augmented",
    "source_pool_order": "sampled",
    "source_mix": "mixed",
    "source_mollify_epochs": "mollified",
    "source_requantise": "mollified",
    "half_asleep_from": "half_asleep",
    "half_asleep_source": "half_asleep",
    "half_asleep_mix": "half_asleep",
}


def split_by_options(cell: Cell, terms: Sequence[Term]) -> list[Cell]:
    """Returns a copy of the cell for each way in which one of the terms' methods was carried out.

    Trials that an option does not describe, such as normal training, are in all copies, as are
    those of a method that was never carried out with that value.
    """
    used_rows = (cell.measured.of(term.arm, term.columns).index for term in terms)
    rows = sorted(set(chain.from_iterable(used_rows)))
    options = described(cell.trials)
    used = options.loc[rows]
    counts = used.groupby(_methods(cell.trials).loc[rows]).nunique()
    varied = [str(name) for name in used if (counts[name] > 1).any()]
    if not varied:
        return [cell]
    choices = [sorted(used[name].dropna().unique()) for name in varied]
    return [_kept(cell, options[varied], values) for values in product(*choices)]


def described(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns the methods' options as text, missing where an option does not describe the trial."""
    masks = {
        "augmented": trials["augment"] != "",
        "sampled": trials["real_share"] < 1,
        "mixed": trials["real_share"].between(0, 1, "neither"),
        "mollified": trials["mollified"],
        "half_asleep": trials["half_asleep"],
    }
    texts = {
        name: trials[name].astype(object).map(_text).where(masks[kind])
        for name, kind in OPTIONS.items()
        if name in trials
    }
    return pd.DataFrame(texts, index=trials.index)


def _kept(cell: Cell, options: pd.DataFrame, values: Sequence[str]) -> Cell:
    has_values = options == list(values)
    never = ~has_values.groupby(_methods(cell.trials)).transform("any")
    fits = (options.isna() | has_values | never).all(axis=1)
    trials = cell.trials[fits]
    frame = cell.frame[cell.frame["key"].isin(trials["key"])]
    named = zip(map(str, options), values, strict=True)
    text = ", ".join(f"{name.removeprefix('source_')}={value}" for name, value in named)
    return Cell(f"{cell.label}, {text}", cell.dataset, trials, frame)


def _methods(trials: pd.DataFrame) -> pd.Series:
    """Returns the number of each trial's method."""
    return trials.groupby(list(METHOD), dropna=False).ngroup()


def _text(value: object) -> str:
    """Formats a value; a missing one is that of rows older than the option, or of the data set."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "default"
    if isinstance(value, bool | np.bool_):
        return str(value)
    return f"{value:g}" if isinstance(value, int | float) else str(value)
