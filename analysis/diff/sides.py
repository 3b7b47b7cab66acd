"""Reads the two results that are compared, and finds what their trials have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import curves, results
from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS
from analysis.errors import ResultsError
from analysis.statistics.measured import as_last
from analysis.storage import own_files
from analysis.storage.provenance import provenance

CHANCE = ("key", "state", "seed", "split", "replicate", "source_pool", "pool")
PLACE = ("kind", "dataset", "source", "m_z", "n_c")  # identify a cell even if they do not vary
TIMING = ("seconds", "images_per_s")  # columns that differ from run to run
Cell = tuple[Any, ...]


@dataclass(frozen=True)
class Side:
    """Holds one of the two results: its path, frame and provenance."""

    path: Path
    frame: pd.DataFrame
    about: dict[str, object]

    @classmethod
    def read(
        cls, path: Path, conditions: list[str], known: Mapping[str, str] | None = None
    ) -> "Side":
        """Reads a results root, a study or a parquet file; raises ResultsError as `load` does.

        `known` names the user's data files by their content, as the other side does.
        """
        frame = curves.where(own_files.named(results.load(path), known), conditions)
        return cls(path, frame, provenance(path))

    @cached_property
    def finals(self) -> pd.DataFrame:
        """Returns a row per finished trial, as in `curves.last_values`.

        Values that were measured with other options than the last ones are left out.
        """
        done = self.frame[self.frame["state"] == "done"]
        if done.empty:
            raise ResultsError(
                f"No trial of {self.path} is finished, so nothing can be compared. "
                "Run its study again: it continues where it stopped."
            )
        return curves.last_values(as_last(done, map(str, done)))

    @cached_property
    def states(self) -> dict[str, str]:
        """Returns the state of each trial by key."""
        trials = self.frame.drop_duplicates("key")
        return dict(zip(trials["key"], trials["state"], strict=True))


def plain(value: object) -> Any:
    """Makes a value comparable: None if missing, float for every number."""
    if value is None or value is pd.NA or value != value:
        return None
    return (
        float(value) if isinstance(value, int | float) else getattr(value, "item", lambda: value)()
    )


def values_of(frame: pd.DataFrame, name: str) -> set[Any]:
    """Returns the values of a column, an empty set if the frame does not have it."""
    return set(map(plain, frame[name].unique())) if name in frame else set()


def cell_columns(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Returns the columns that identify cells: PLACE, and those that vary at a source of one side.

    A column that is constant in each side, but not equal in both, is a setting that differs.
    """
    settings = [name for name in TRIAL_COLUMNS if name not in (*CHANCE, *PLACE)]
    groups = [
        part
        for side in (a, b)
        for _, part in side.groupby([n for n in ("kind", "source") if n in side], dropna=False)
    ]
    varying = [n for n in settings if max(len(values_of(part, n)) for part in groups) > 1]
    return [name for name in (*PLACE, *varying) if name in a or name in b]


def by_place(
    finals: pd.DataFrame, columns: list[str]
) -> dict[Cell, dict[tuple[Any, ...], pd.DataFrame]]:
    """Groups trials by cell and unit: a replicate, or split and seed if there is no replicate."""
    table = finals.reindex(columns=list(dict.fromkeys([*finals, *columns, *CHANCE])))
    cells: dict[Cell, dict[tuple[Any, ...], list[int]]] = {}
    for index, row in enumerate(table[[*columns, "replicate", "split", "seed"]].to_dict("records")):
        cell = tuple(plain(row[name]) for name in columns)
        replicate = plain(row["replicate"])
        chance = (plain(row["split"]), plain(row["seed"]))
        unit = ("replicate", replicate) if replicate is not None else ("seed", *chance)
        cells.setdefault(cell, {}).setdefault(unit, []).append(index)
    return {
        cell: {unit: finals.iloc[rows] for unit, rows in units.items()}
        for cell, units in cells.items()
    }


@dataclass(frozen=True)
class Shared:
    """Lists trials that both results have by the same key, and how they compare."""

    keys: list[str]
    equal: list[str]  # keys whose numbers are all equal, bit by bit
    states: list[tuple[str, str, str]]  # key, state in A, state in B, if both ended differently
    data: list[str]  # keys whose images differ


def shared(a: Side, b: Side) -> Shared:
    """Compares the trials of equal keys."""
    keys = sorted(a.states.keys() & b.states.keys())
    ended = {"done", "failed", "censored"}
    clash = [
        (key, a.states[key], b.states[key])
        for key in keys
        if a.states[key] != b.states[key] and {a.states[key], b.states[key]} <= ended
    ]
    left, right = (_rows(side.frame, keys) for side in (a, b))
    equal = [key for key in keys if _equal(left[key], right[key])]
    differing = [key for key in keys if _fingerprints(left[key]) != _fingerprints(right[key])]
    return Shared(keys, equal, clash, differing)


def _rows(frame: pd.DataFrame, keys: list[str]) -> dict[str, pd.DataFrame]:
    rows = frame[frame["key"].isin(keys)]
    return {str(key): part for key, part in rows.groupby("key", sort=False)}


def _equal(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Returns whether both have equal numbers in all epochs and common columns."""
    names = [n for n in ROW_COLUMNS if n in left and n in right and n not in TIMING]
    rows_a, rows_b = (part.sort_values("epoch")[names] for part in (left, right))
    if len(rows_a) != len(rows_b):
        return False
    return all(list(map(plain, rows_a[name])) == list(map(plain, rows_b[name])) for name in names)


def _fingerprints(rows: pd.DataFrame) -> set[Any]:
    """Returns the known fingerprints of a trial's images."""
    return values_of(rows, "fingerprint") - {None}
