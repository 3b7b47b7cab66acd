"""The two results that are compared, and what their trials have in common."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import curves, results
from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS
from analysis.provenance import provenance
from analysis.trial_folder import ResultsError

CHANCE = ("key", "state", "seed", "split", "replicate", "source_pool", "pool")
PLACE = ("kind", "dataset", "source", "m_z", "n_c")  # of a cell, whatever varies
TIMING = ("seconds", "images_per_s")  # columns that differ from run to run
Cell = tuple[Any, ...]


@dataclass(frozen=True)
class Side:
    """One of the two results: its path, its frame and what it says of where it comes from."""

    path: Path
    frame: pd.DataFrame
    about: dict[str, object]

    @classmethod
    def read(cls, path: Path, conditions: list[str]) -> "Side":
        """Reads a results root, a study or a parquet file; raises ResultsError as `load` does."""
        frame = curves.where(results.load(path), conditions)
        return cls(path, frame, provenance(path))

    @cached_property
    def finals(self) -> pd.DataFrame:
        """A row per finished trial, as in `curves.last_values`."""
        done = self.frame[self.frame["state"] == "done"]
        if done.empty:
            raise ResultsError(
                f"No trial of {self.path} is finished, so nothing can be compared. "
                "Run its study again: it continues where it stopped."
            )
        return curves.last_values(done)

    @cached_property
    def states(self) -> dict[str, str]:
        """The state of each trial, by key."""
        found = self.frame.drop_duplicates("key")
        return dict(zip(found["key"], found["state"], strict=True))


def plain(value: object) -> Any:
    """A value that can be compared: None for a missing one, whole numbers as numbers."""
    if value is None or value is pd.NA or value != value:
        return None
    return (
        float(value) if isinstance(value, int | float) else getattr(value, "item", lambda: value)()
    )


def values_of(frame: pd.DataFrame, name: str) -> set[Any]:
    """The values of a column; none where the frame has no such column."""
    return set(map(plain, frame[name].unique())) if name in frame else set()


def cell_columns(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """The columns that tell cells apart: the place, and what varies at a source of one of the two.

    What is constant in each, and not the same in both, is a setting that differs.
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
    """The trials of each cell, by unit: a replicate, or a split and seed where there is none."""
    table = finals.reindex(columns=list(dict.fromkeys([*finals, *columns, *CHANCE])))
    cells: dict[Cell, dict[tuple[Any, ...], list[int]]] = {}
    for at, row in enumerate(table[[*columns, "replicate", "split", "seed"]].to_dict("records")):
        cell = tuple(plain(row[name]) for name in columns)
        drawn = plain(row["replicate"])
        chance = (plain(row["split"]), plain(row["seed"]))
        unit = ("replicate", drawn) if drawn is not None else ("seed", *chance)
        cells.setdefault(cell, {}).setdefault(unit, []).append(at)
    return {
        cell: {unit: finals.iloc[rows] for unit, rows in units.items()}
        for cell, units in cells.items()
    }


@dataclass(frozen=True)
class Shared:
    """Trials that both results have by the same key: how many, and which have equal numbers."""

    keys: list[str]
    equal: list[str]  # every number of every measured epoch, bit by bit
    states: list[tuple[str, str, str]]  # key, in A, in B: done in one and failed in the other
    data: list[str]  # keys whose images differ


def shared(a: Side, b: Side) -> Shared:
    """What the trials of equal keys have in common."""
    keys = sorted(a.states.keys() & b.states.keys())
    ended = {"done", "failed", "censored"}
    clash = [
        (key, a.states[key], b.states[key])
        for key in keys
        if a.states[key] != b.states[key] and {a.states[key], b.states[key]} <= ended
    ]
    left, right = (_rows(side.frame, keys) for side in (a, b))
    equal = [key for key in keys if _equal(left[key], right[key])]
    other = [key for key in keys if _fingerprints(left[key]) != _fingerprints(right[key])]
    return Shared(keys, equal, clash, other)


def _rows(frame: pd.DataFrame, keys: list[str]) -> dict[str, pd.DataFrame]:
    kept = frame[frame["key"].isin(keys)]
    return {str(key): part for key, part in kept.groupby("key", sort=False)}


def _equal(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Whether both have the same epochs, and in them the same numbers in the columns of both."""
    names = [n for n in ROW_COLUMNS if n in left and n in right and n not in TIMING]
    here, there = (part.sort_values("epoch")[names] for part in (left, right))
    if len(here) != len(there):
        return False
    return all(list(map(plain, here[name])) == list(map(plain, there[name])) for name in names)


def _fingerprints(rows: pd.DataFrame) -> set[Any]:
    """The images' fingerprints; those of rows without one are not known."""
    return values_of(rows, "fingerprint") - {None}
