"""Tests the differences B - A of final values in each cell, paired by replicate.

A cell's difference is tested by Student's t over its pairs, or by Welch's t, unpaired, if the two
have no replicate in common. The mean over cells is tested too, on the replicates that all of them
have. All comparisons are one family: p-values are adjusted by Holm's method, so that the
probability of claiming any difference that does not exist is at most 5 %. Random splits overlap,
which widens all intervals (`analysis.statistics.overlap`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from analysis.columns import DOWN, ROW_COLUMNS, UP
from analysis.diff.sides import TIMING, Cell, Side, by_place, cell_columns, values_of
from analysis.errors import ResultsError, did_you_mean
from analysis.statistics.intervals import FEW_SEEDS, LEVEL, Interval, t_interval
from analysis.statistics.measured import settings_of, with_first_version
from analysis.statistics.overlap import overlaps

MAIN = (
    *("validation_elbo", "test_elbo", "generalization_gap", "amortization_gap"),
    *("robustness_gap", "fid", "accuracy", "test_loss", "iwae_100", "iwae_1000"),
)
ALL_CELLS = "all cells"
Unit = tuple[Any, ...]


@dataclass(frozen=True)
class Difference:
    """Holds B - A of one metric in one cell, with p-values before and after adjustment.

    The p-values are None if the difference is not decided.
    """

    cell: Mapping[str, object]
    metric: str
    a: float
    b: float
    interval: Interval
    p: float | None
    adjusted: float | None = None

    @property
    def differs(self) -> bool:
        """Returns whether it is significant at 5 % for all comparisons together."""
        return self.adjusted is not None and self.adjusted <= 1 - LEVEL


@dataclass(frozen=True)
class Compared:
    """Holds all differences, and counts the trials of each side without a partner."""

    differences: list[Difference]
    paired: int  # trials of A that have a partner
    only_a: int
    only_b: int
    skipped: list[str]  # metrics that cannot be compared, with the reason


def metrics(a: Side, b: Side, named: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the metrics to compare and texts on those that were measured in different ways.

    Without `named` metrics these are the ones of MAIN that both have. Raises ResultsError for a
    metric that one of the two does not have.
    """
    names = [n for n, (_, way, _) in ROW_COLUMNS.items() if way in (UP, DOWN) and n not in TIMING]
    common = [n for n in names if all(n in s.finals and s.finals[n].notna().any() for s in (a, b))]
    for name in named:
        if name not in common:
            near = did_you_mean(name, common)
            raise ResultsError(
                f"{name} is not measured in both results. {near}Choose among: {', '.join(common)}."
            )
    chosen = list(named) or [name for name in MAIN if name in common] or common
    unlike = {name: _unlike(a, b, name) for name in chosen}
    skipped = [
        f"{name}, measured with different {option}" for name, option in unlike.items() if option
    ]
    return [name for name in chosen if not unlike[name]], skipped


def _unlike(a: Side, b: Side, metric: str) -> str:
    """Returns the first option of the measurement that differs between the two, else ""."""
    for name in settings_of(metric):
        measured = [s.finals[s.finals[metric].notna()] for s in (a, b)]
        used = [values_of(with_first_version(frame, name), name) for frame in measured]
        if used[0] != used[1]:
            return name
    return ""


def compare(a: Side, b: Side, named: Sequence[str] = ()) -> Compared:
    """Compares the final values in all cells that both have; ResultsError if there is none."""
    chosen, skipped = metrics(a, b, named)
    columns = cell_columns(a.finals, b.finals)
    left, right = by_place(a.finals, columns), by_place(b.finals, columns)
    result: list[Difference] = []
    pairs = {cell: _pairs(left[cell], right[cell]) for cell in left if cell in right}
    if not pairs:
        raise ResultsError(
            "The two results have no cell in common: no trials of the same "
            f"{', '.join(columns)}. Compare others, or choose with --where."
        )
    widened = {cell: max(_overlap(left[cell]), _overlap(right[cell])) for cell in pairs}
    for metric in chosen:
        by_cell = {}
        for cell, matched in pairs.items():
            place = dict(zip(columns, cell, strict=True))
            values = [(_mean(x, metric), _mean(y, metric)) for x, y in matched.values()]
            if matched:
                by_cell[cell] = dict(zip(matched, values, strict=True))
                result += _paired(place, metric, by_cell[cell], widened[cell])
            else:
                result += _unpaired(place, metric, left[cell], right[cell], widened[cell])
        result += _over_cells(metric, by_cell, widened)
    matched_trials = [sum(len(x) for x, _ in matched.values()) for matched in pairs.values()]
    alone = (_alone(left, right), _alone(right, left))
    return Compared(holm(result), sum(matched_trials), *alone, skipped)


def _overlap(units: Mapping[Unit, pd.DataFrame]) -> float:
    """Returns rho / (1 - rho) of a side's replicates of a cell."""
    return float(overlaps(pd.concat(list(units.values()))).max())


def _alone(one: Mapping[Cell, Mapping[Unit, pd.DataFrame]], other: Mapping[Cell, Any]) -> int:
    """Counts the trials of one side in cells that the other does not have."""
    return sum(len(t) for cell, units in one.items() if cell not in other for t in units.values())


def _pairs(
    left: Mapping[Unit, pd.DataFrame], right: Mapping[Unit, pd.DataFrame]
) -> dict[Unit, tuple[pd.DataFrame, pd.DataFrame]]:
    """Returns both sides' trials of each common unit, only those of equal keys if there are any."""
    result = {}
    for unit in left.keys() & right.keys():
        x, y = left[unit], right[unit]
        keys = set(x["key"]) & set(y["key"])
        if keys:
            x, y = x[x["key"].isin(keys)], y[y["key"].isin(keys)]
        result[unit] = (x, y)
    return dict(sorted(result.items(), key=str))


def _mean(trials: pd.DataFrame, metric: str) -> float:
    """Returns the mean over the seeds of a replicate."""
    return float(trials[metric].astype(float).mean())


def _paired(
    cell: Mapping[str, object],
    metric: str,
    values: Mapping[Unit, tuple[float, float]],
    overlap: float,
) -> list[Difference]:
    x, y = (np.array(side, dtype=float) for side in zip(*values.values(), strict=True))
    measured = ~(np.isnan(x) | np.isnan(y))
    if not measured.any():
        return []
    x, y = x[measured], y[measured]
    interval = t_interval(y - x, overlap=overlap)
    return [Difference(cell, metric, x.mean(), y.mean(), interval, _p(interval))]


def _p(interval: Interval) -> float | None:
    """Returns the two-sided p-value for a mean of 0, None for fewer than three pairs."""
    if interval.n < FEW_SEEDS:
        return None
    return min(1.0, 2 * min(interval.above(0.0), interval.below(0.0)))


def _unpaired(
    cell: Mapping[str, object],
    metric: str,
    left: Mapping[Unit, pd.DataFrame],
    right: Mapping[Unit, pd.DataFrame],
    overlap: float,
) -> list[Difference]:
    """Tests by Welch's t, for sides without a common replicate."""
    sides = [np.array([_mean(t, metric) for t in side.values()]) for side in (left, right)]
    x, y = (values[~np.isnan(values)] for values in sides)
    if not len(x) or not len(y):
        return []
    mean, n = float(y.mean() - x.mean()), min(len(x), len(y))
    half, p = float("nan"), None
    if n > 1:
        parts = np.array([v.var(ddof=1) * (1 / len(v) + overlap) for v in (x, y)])
        error = float(np.sqrt(parts.sum()))
        freedom = np.array([len(x) - 1, len(y) - 1])
        df = float(parts.sum() ** 2 / (parts**2 / freedom).sum()) if error else float(n - 1)
        half = float(stdtrit(df, (1 + LEVEL) / 2) * error)
        same = 1.0 if mean == 0 else 0.0
        p = float(2 * stdtr(df, -abs(mean / error))) if error else same
    interval = Interval(mean, mean - half, mean + half, n, "Welch's t, unpaired")
    decided = p if n >= FEW_SEEDS else None
    return [Difference(cell, metric, float(x.mean()), float(y.mean()), interval, decided)]


def _over_cells(
    metric: str,
    by_cell: Mapping[Cell, Mapping[Unit, tuple[float, float]]],
    widened: Mapping[Cell, float],
) -> list[Difference]:
    """Tests the mean over cells, one value per replicate: its cells share images and noise."""
    units = {
        cell: {u for u, v in vs.items() if not np.isnan(v).any()} for cell, vs in by_cell.items()
    }
    most = max(map(len, units.values()), default=0)
    cells = [cell for cell in by_cell if units[cell] and len(units[cell]) == most]
    if len(cells) < 2:
        return []
    common = sorted(set.intersection(*(units[cell] for cell in cells)), key=str)
    if not common:
        return []
    means = {u: _average([by_cell[cell][u] for cell in cells]) for u in common}
    most_shared = max(widened[cell] for cell in cells)
    return _paired({ALL_CELLS: len(cells)}, metric, means, most_shared)


def _average(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    a, b = np.mean(pairs, axis=0)
    return float(a), float(b)


def holm(differences: Sequence[Difference]) -> list[Difference]:
    """Adds p-values adjusted for all differences at once (Holm, 1979)."""
    decided = sorted((d.p, index) for index, d in enumerate(differences) if d.p is not None)
    adjusted: dict[int, float] = {}
    highest = 0.0
    for rank, (p, index) in enumerate(decided):
        highest = max(highest, min(1.0, (len(decided) - rank) * p))
        adjusted[index] = highest
    return [replace(d, adjusted=adjusted.get(index)) for index, d in enumerate(differences)]
