"""Groups finished trials into cells, one per setting, from which arms take their values by draw.

A setting is everything that no claim varies: data set, partition, split, network, likelihood,
optimizer, precision, epochs, and how samples were made (`pool_kinds`). Trials of different settings
are never compared, nor are values that were measured differently (`measured_alike`).
`analysis.statistics.levels` decides whether a draw is a replicate or a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np
import pandas as pd

from analysis import curves
from analysis.claims.trials.arms import Arm, Each, pick, placed
from analysis.claims.trials.axes import GRADED, Columns, fields_of, largest, with_axes
from analysis.claims.trials.measured_rows import MeasuredRows
from analysis.errors import ResultsError
from analysis.naming import names
from analysis.selection.early import begun
from analysis.statistics import levels, measured, pool_kinds
from analysis.statistics.comparable import DEFAULTS, filled, other_images

KINDS = ("vae", "two_sample")


@dataclass(frozen=True)
class Cell:
    """Holds the finished trials of one setting."""

    label: str  # the data set, and the fields that distinguish this setting from the others
    dataset: str
    trials: pd.DataFrame  # final values, a row per trial, and the axes of Arm
    frame: pd.DataFrame  # the same trials epoch by epoch

    @cached_property
    def level(self) -> str:
        """Names what n counts, in words that follow n."""
        return levels.level_of(self.trials)

    @cached_property
    def overlap(self) -> float:
        """Returns rho / (1 - rho) of the draws (`analysis.statistics.levels`)."""
        return levels.overlap_at(self.trials)

    @property
    def units(self) -> set[int]:
        """Returns the draws in which anything is measured."""
        return set(self.trials["unit"].astype(int))

    def first(self, n: int) -> "Cell":
        """Returns the cell with the draws 0 to n - 1 only."""
        trials = self.trials[self.trials["unit"] < n]
        frame = self.frame[self.frame["key"].isin(trials["key"])]
        return Cell(self.label, self.dataset, trials, frame)

    @cached_property
    def measured(self) -> MeasuredRows:
        """Returns the trials with the means of columns, as arms select them."""
        return MeasuredRows(self.trials)

    def choices(self, arm: Arm, columns: Columns) -> set[tuple[tuple[str, float], ...]]:
        """Returns the measured combinations of the arm's Each, as tuples of (axis, value)."""
        axes, rows = arm.axes(Each), self.measured.of(arm, columns)
        for name in axes:
            rows = rows[rows[name].isin(getattr(arm, name).of(rows[name]))]
        return {tuple(zip(axes, values, strict=True)) for values in rows[axes].to_numpy().tolist()}

    def at(self, arms: Sequence[Arm], columns: Sequence[Columns]) -> list[Arm]:
        """Returns the arms at m_z, n_c and k where all are measured, [] if there is no such place.

        Arms with k="last" get the same k: the largest of those at which most arms are measured.
        """
        pairs = tuple(zip(arms, columns, strict=True))
        return self.measured.once(("at", pairs), lambda: self._at(arms, columns))

    def _at(self, arms: Sequence[Arm], columns: Sequence[Columns]) -> list[Arm]:
        points = set.intersection(*map(self.measured.points, arms, columns))
        placed_arms = [at_place for arm in arms if (at_place := placed(arm, points)) is not None]
        if len(placed_arms) < len(arms):
            return []
        free = [replace(arm, k="last") for arm in placed_arms]
        rows = list(map(self.measured.on_place, free, columns))
        last = largest([part for arm, part in zip(arms, rows, strict=True) if arm.k == "last"])
        ks = [
            last if arm.k == "last" else pick(arm.k, part["k"])
            for arm, part in zip(arms, rows, strict=True)
        ]
        exact = [replace(arm, k=k) for arm, k in zip(placed_arms, ks, strict=True) if k is not None]
        return exact if len(exact) == len(arms) else []

    def axis(self, arm: Arm, columns: Columns, name: str) -> list[float]:
        """Returns the measured values of an arm's Along axis; its other axes are exact."""
        return list(getattr(arm, name).of(self.measured.on_place(arm, columns)[name]))

    def values(self, arm: Arm, columns: Columns) -> pd.Series:
        """Returns the final values by draw, means over seeds, of an arm that `at` returned.

        The series is empty if nothing is measured. Raises ResultsError as `each` does.
        """
        by_seed = self.each(arm, columns)
        return self.measured.once(("values", arm, columns), lambda: by_seed.groupby(level=0).mean())

    def each(self, arm: Arm, columns: Columns) -> pd.Series:
        """Returns final values by (unit, seed), for the spread within draws (levels.components).

        Raises ResultsError, with half a sentence, if a seed of a draw has several trials.
        """
        return self.measured.once(("each", arm, columns), lambda: self._values(arm, columns))

    def _values(self, arm: Arm, columns: Columns) -> pd.Series:
        rows = self.measured.on_place(arm, columns)
        place = ["unit", "seed"]
        double = rows.duplicated(place, keep=False)
        if double.any():
            twins = self.trials.loc[rows.index[double]]
            differ = [n for n in fields_of(twins) if twins[n].nunique(dropna=False) > 1]
            raise ResultsError(
                f"there are several trials of {arm.name} at {arm.place}, seed "
                f"{twins['seed'].iloc[0]}: they differ in {', '.join(differ) or 'key'}"
            )
        return rows.set_index(place)["value"].sort_index()


def measured_alike(cell: Cell, columns: Sequence[str]) -> list[Cell]:
    """Returns a copy of the cell for each way, and epoch, in which the columns were measured."""
    settings = measured.settings(cell.trials, columns)
    if any(str(name).startswith(measured.EARLIER) for name in cell.trials):
        epochs = {f"epoch of {column}": measured.epochs(cell.trials, column) for column in columns}
        settings = settings.assign(
            **{name: epoch for name, epoch in epochs.items() if epoch.nunique() > 1}
        )
    ways = settings.dropna(how="all").drop_duplicates()
    if len(ways) < 2:
        return [cell]
    names = [n for n in settings if ways[n].nunique(dropna=False) > 1]
    copies = []
    for values in sorted(set(ways[names].itertuples(index=False, name=None)), key=str):
        differs = ~(settings[names].isna() | (settings[names] == list(values))).all(axis=1)
        trials = cell.trials.copy()
        for column in columns:
            if {*measured.settings_of(column), f"epoch of {column}"} & set(names):
                columns_of_metric = [n for n in trials if fnmatchcase(str(n), column)]
                trials.loc[differs, columns_of_metric] = np.nan
        way = ", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))
        copies.append(Cell(f"{cell.label}, {way}", cell.dataset, trials, cell.frame))
    return copies


def cells(frame: pd.DataFrame) -> list[Cell]:
    """Returns the settings in which trials are finished, sorted by label.

    A trial that trained longer than others is also compared with them, as it was at their epoch.
    """
    done = frame[(frame["state"] == "done") & frame["kind"].isin(KINDS)]
    done = done.assign(made=pool_kinds.of_trials(done, pool_kinds.kinds(frame)))
    done = measured.as_last(done, list(map(str, done.columns)))
    ends = done.groupby("key").agg({"dataset": "first", "kind": "first", "epoch": "max"})
    by_epoch = [_until(done, epoch, ends) for epoch in sorted(set(ends["epoch"]))]
    return sorted((cell for part in by_epoch for cell in part), key=lambda cell: cell.label)


def _until(done: pd.DataFrame, epoch: int, ends: pd.DataFrame) -> list[Cell]:
    """Returns the settings of trials measured at that epoch in which some trial ended there."""
    measured_keys = done.loc[done["epoch"] == epoch, "key"]
    done = done[done["key"].isin(measured_keys) & (done["epoch"] <= epoch)]
    last = curves.last_values(done).join(measured.earlier(done), on="key")
    trials = _comparable(with_axes(last[begun(last)]))
    setting = ["kind", "other_images", *(n for n in fields_of(trials) if not n.startswith(GRADED))]
    setting += ["epoch", *(n for n in ("replicates",) if n in trials)]
    result = []
    for _, part in trials.groupby(list(dict.fromkeys(setting)), dropna=False):
        if not (ends.loc[part["key"], "epoch"] == epoch).any():
            continue
        dataset, kind = part["dataset"].iloc[0], part["kind"].iloc[0]
        near = trials[(trials["dataset"] == dataset) & (trials["kind"] == kind)]
        varied = [n for n in setting if near[n].nunique(dropna=False) > 1]
        varied += ["real"] * (kind == "two_sample" and "real" in part and "real" not in varied)
        of_dataset = ends[(ends["dataset"] == dataset) & (ends["kind"] == kind)]
        varied += ["epoch"] if of_dataset["epoch"].nunique() > 1 else []
        label = dataset + names(near, varied)[part.index[0]]
        for suffix, pool_trials in _by_pool(part):
            rows = done[done["key"].isin(pool_trials["key"])]
            result.append(Cell(label + suffix, dataset, levels.settle(pool_trials), rows))
    return result


def _comparable(trials: pd.DataFrame) -> pd.DataFrame:
    """Adds or completes the columns that distinguish settings, with defaults for old rows."""
    trials = trials.assign(other_images=other_images(trials))
    for name in DEFAULTS.keys() & set(trials):
        trials[name] = filled(trials, name)
    classifiers = trials["kind"] == "two_sample"
    if classifiers.any():  # old trials without the field used training images
        real = trials["real"] if "real" in trials else pd.Series(pd.NA, trials.index)
        trials["real"] = real.astype(object).fillna("train").where(classifiers)
    if "replicate" in trials:
        trials = trials.assign(replicates=trials["replicate"].notna())  # never mixed with others
    return trials


def _by_pool(part: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Returns, for each kind of pool, its name and its trials with those without a pool."""
    kinds = sorted(set(part["made"]) - {""})
    if len(kinds) < 2:
        return [("", part)]
    return [(f", samples of {kind}", part[part["made"].isin(["", kind])]) for kind in kinds]
