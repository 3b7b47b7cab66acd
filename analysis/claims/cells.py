"""Cells: the finished trials of one setting, from which arms take their values by draw.

A setting is everything that no claim varies: data set, partition, split, network, likelihood,
optimizer, epochs. Trials of different settings are never compared. What a draw is, a replicate or
a seed, `analysis.levels` says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

import numpy as np
import pandas as pd

from analysis import curves, levels
from analysis.alike import DEFAULTS, filled, images
from analysis.claims.arms import Arm, Each, Place, pick, placed
from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS
from analysis.trial_folder import ResultsError

KINDS = ("vae", "two_sample")
METHOD = ("real_share", "diffusion_share", "augment", "mollified", "half_asleep")
PLACE = ["m_z", "n_c"]
GRADED = ("source_", "half_asleep_")  # prefixes of the fields that make a method
VARIED = {"key", "state", "seed", "replicate", "source", "share", "pool", *PLACE}
AVERAGED = "__overall"  # a mixture of corruptions, left out of means over corruptions
Columns = tuple[str, ...]  # patterns (accuracy_knn__*) are means over what they match


@dataclass(frozen=True)
class Cell:
    """The finished trials of one setting."""

    label: str  # the data set, and what tells this setting from the others
    dataset: str
    trials: pd.DataFrame  # final values, a row per trial, and the axes of Arm
    frame: pd.DataFrame  # the same trials epoch by epoch
    _measured: dict[Columns, pd.DataFrame] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """What n counts, in words that follow it."""
        return levels.level_of(self.trials)

    @property
    def overlap(self) -> float:
        """rho / (1 - rho) of the draws."""
        return levels.overlap_at(self.trials)

    @property
    def units(self) -> set[int]:
        """The draws in which anything is measured."""
        return set(self.trials["unit"].astype(int))

    def first(self, n: int) -> "Cell":
        """The cell of the draws 0 to n - 1 alone."""
        trials = self.trials[self.trials["unit"] < n]
        frame = self.frame[self.frame["key"].isin(trials["key"])]
        return Cell(self.label, self.dataset, trials, frame)

    def rows(self, arm: Arm, columns: Columns) -> pd.DataFrame:
        """The arm's trials at any place and k, with the mean of the columns as `value`."""
        if columns not in self._measured:
            value = _mean(self.trials, columns)
            axes = self.trials[["unit", "seed", *METHOD, *PLACE, "k"]]
            self._measured[columns] = axes.assign(value=value)[value.notna()]
        rows = self._measured[columns]
        kept = np.full(len(rows), True)
        for name in METHOD:
            wanted = getattr(arm, name)
            if not isinstance(wanted, Each):
                kept &= rows[name].to_numpy() == wanted
        return rows[kept]

    def points(self, arm: Arm, columns: Columns) -> set[Place]:
        """The (m_z, n_c) at which the arm is measured."""
        return set(self.rows(arm, columns)[PLACE].itertuples(index=False, name=None))

    def choices(self, arm: Arm, columns: Columns) -> set[tuple[tuple[str, float], ...]]:
        """What the arm's Each stand for: a tuple of (axis, value) per combination measured."""
        axes, rows = arm.axes(Each), self.rows(arm, columns)
        for name in axes:
            rows = rows[rows[name].isin(getattr(arm, name).of(rows[name]))]
        return {tuple(zip(axes, each, strict=True)) for each in rows[axes].to_numpy().tolist()}

    def at(self, arms: Sequence[Arm], columns: Sequence[Columns]) -> list[Arm]:
        """The arms at measured m_z, n_c and k, of the sizes at which all are; empty where not.

        Arms that say "last" get one k: the largest of those at which most of them is measured.
        """
        points = set.intersection(*map(self.points, arms, columns))
        found = [there for arm in arms if (there := placed(arm, points)) is not None]
        if len(found) < len(arms):
            return []
        free = [replace(arm, k="last") for arm in found]
        rows = list(map(self._on_place, free, columns))
        last = _largest([each for arm, each in zip(arms, rows, strict=True) if arm.k == "last"])
        ks = [
            last if arm.k == "last" else pick(arm.k, each["k"])
            for arm, each in zip(arms, rows, strict=True)
        ]
        exact = [replace(arm, k=k) for arm, k in zip(found, ks, strict=True) if k is not None]
        return exact if len(exact) == len(arms) else []

    def axis(self, arm: Arm, columns: Columns, name: str) -> list[float]:
        """The measured values of the Along axis of an arm that is otherwise exact."""
        return list(getattr(arm, name).of(self._on_place(arm, columns)[name]))

    def values(self, arm: Arm, columns: Columns) -> pd.Series:
        """Final value by draw of an arm as `at` gives it; empty where not measured.

        The mean over the seeds of a draw. Raises ResultsError as `each`.
        """
        return self.each(arm, columns).groupby(level=0).mean()

    def each(self, arm: Arm, columns: Columns) -> pd.Series:
        """Final value by (unit, seed), for the spread of seeds within draws (levels.components).

        Raises ResultsError, in half a sentence, where two trials stand for one seed of a draw.
        """
        rows = self._on_place(arm, columns)
        place = ["unit", "seed"]
        double = rows.duplicated(place, keep=False)
        if double.any():
            twins = self.trials.loc[rows.index[double]]
            differ = [n for n in _fields(twins) if twins[n].nunique(dropna=False) > 1]
            raise ResultsError(
                f"several trials of {arm.name} stand at {arm.place}, seed "
                f"{twins['seed'].iloc[0]}: they differ in {', '.join(differ) or 'key'}"
            )
        return rows.set_index(place)["value"].sort_index()

    def _on_place(self, arm: Arm, columns: Columns) -> pd.DataFrame:
        rows = self.rows(arm, columns)
        kept = np.full(len(rows), True)
        for name in PLACE:
            if isinstance(getattr(arm, name), int | float):
                kept &= rows[name].to_numpy() == getattr(arm, name)
        if isinstance(arm.k, int | float):
            kept &= ((rows["k"] == arm.k) | (rows["real_share"] == 1)).to_numpy()
        return rows[kept]


def cells(frame: pd.DataFrame) -> list[Cell]:
    """The settings in which trials are finished, by label.

    A trial that trained longer than others stands beside them too, as it was at their epoch.
    """
    done = frame[(frame["state"] == "done") & frame["kind"].isin(KINDS)]
    ends = done.groupby("key").agg({"dataset": "first", "kind": "first", "epoch": "max"})
    each = [_until(done, epoch, ends) for epoch in sorted(set(ends["epoch"]))]
    return sorted((cell for found in each for cell in found), key=lambda cell: cell.label)


def _until(done: pd.DataFrame, epoch: int, ends: pd.DataFrame) -> list[Cell]:
    """The settings of the trials measured at that epoch, where one of them ended there."""
    there = done.loc[done["epoch"] == epoch, "key"]
    done = done[done["key"].isin(there) & (done["epoch"] <= epoch)]
    trials = _with_axes(curves.last_values(done))
    trials = trials.assign(images=images(trials))
    for name in DEFAULTS.keys() & set(trials):
        trials[name] = filled(trials, name)
    setting = ["kind", "images", *(n for n in _fields(trials) if not n.startswith(GRADED)), "epoch"]
    if "replicate" in trials:
        trials = trials.assign(replicates=trials["replicate"].notna())  # never with others
        setting.append("replicates")
    found = []
    for _, part in trials.groupby(list(dict.fromkeys(setting)), dropna=False):
        if not (ends.loc[part["key"], "epoch"] == epoch).any():
            continue
        part = levels.settle(part)
        dataset, kind = part["dataset"].iloc[0], part["kind"].iloc[0]
        near = trials[(trials["dataset"] == dataset) & (trials["kind"] == kind)]
        told = [n for n in setting if near[n].nunique(dropna=False) > 1]
        alike = ends[(ends["dataset"] == dataset) & (ends["kind"] == kind)]
        told += ["epoch"] if alike["epoch"].nunique() > 1 else []
        label = ", ".join([dataset, *(f"{n}={part[n].iloc[0]}" for n in told)])
        found.append(Cell(label, dataset, part, done[done["key"].isin(part["key"])]))
    return found


def _largest(parts: list[pd.DataFrame]) -> float:
    """The k of most arms and places, then of most trials, then the largest; 0 for real images."""
    rows = pd.concat(parts) if parts else pd.DataFrame({"real_share": []})
    rows = rows[rows["real_share"] < 1]
    if rows.empty:
        return 0.0

    def measured(k: float) -> tuple[int, int, float]:
        there = rows[rows["k"] == k]
        return len(there[[*METHOD, *PLACE]].drop_duplicates()), len(there), k

    return max(set(rows["k"].tolist()), key=measured)


def _with_axes(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials with the axes of Arm as columns; a field that is missing is at its default."""

    def filled(name: str, default: float | str) -> np.ndarray:
        if name not in trials:
            return np.full(len(trials), default)
        held = trials[name].astype(object)
        return held.where(held.notna(), default).astype(type(default)).to_numpy()

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


def _fields(trials: pd.DataFrame) -> Sequence[str]:
    """The fields of the trials that tell settings or methods apart."""
    names = [n for n in map(str, trials.columns) if n not in VARIED]
    return [
        n
        for n in names
        if n == "data" or (n not in ROW_COLUMNS and (n in TRIAL_COLUMNS or n.startswith(GRADED)))
    ]


def _mean(trials: pd.DataFrame, columns: Columns) -> pd.Series:
    """Row means over the columns; missing where one of them is."""
    found = []
    for pattern in columns:
        names = [n for n in map(str, trials.columns) if fnmatch(n, pattern)]
        names = [n for n in names if n == pattern or AVERAGED not in n]
        if not names:
            return pd.Series(np.nan, index=trials.index)
        found.append(trials[names].astype(float).mean(axis=1, skipna=False))
    return pd.concat(found, axis=1).mean(axis=1, skipna=False)
