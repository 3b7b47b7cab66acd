"""Selects a study's trials that curves show: those a search chose, or those at a fixed or tuned lr.

`study.json` records both by key. This module chooses nothing itself, and no choice was made by the
test set.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict, TypeVar, cast

import pandas as pd

from analysis import curves
from analysis.errors import ResultsError

FIXED, TUNED = "fixed rate", "tuned rates"
T = TypeVar("T")


class RungRecord(TypedDict):
    """Describes a rung of successive halving: how many points reach how many epochs."""

    epochs: int
    points: int


class SearchedPoint(TypedDict):
    """Describes a point of a search in one cell."""

    values: dict[str, object]  # by searched field
    keys: list[str]
    epochs: int
    scores: dict[str, float | None]  # by epoch
    chosen: bool


class SearchRecord(TypedDict):
    """Describes a search, as study.json records it."""

    ranges: dict[str, str]  # by searched field
    samples: int
    points: str  # how they were drawn
    over: str
    halving: int | None
    rungs: list[RungRecord]
    chosen_by: str | None
    cells: list[list[SearchedPoint]]


class RatesRecord(TypedDict):
    """Describes the learning rates of a study, as study.json records them."""

    study: str  # the one whose best rates were taken
    fixed: list[str]  # keys of the trials at the fixed rate
    tuned: list[str]  # keys of the trials at the best rate of their cell


def search_of(frame: pd.DataFrame, study_record: Mapping[str, object]) -> SearchRecord | None:
    """Returns the search that the study records, or None if these trials belong to no search."""
    return _recorded(frame, cast(SearchRecord | None, study_record.get("search")), _searched)


def rates_of(frame: pd.DataFrame, study_record: Mapping[str, object]) -> RatesRecord | None:
    """Returns the fixed and tuned learning rates that the study records, or None without them."""
    return _recorded(frame, cast(RatesRecord | None, study_record.get("rates")), _with_rates)


def figures_of(frame: pd.DataFrame, study_record: Mapping[str, object]) -> list[str]:
    """Returns the names of the figures that show what was chosen."""
    search, rates = search_of(frame, study_record), rates_of(frame, study_record)
    return [*(["search"] if search else []), *(["tuned"] if rates else [])]


def chosen(frame: pd.DataFrame, study_record: Mapping[str, object]) -> pd.DataFrame:
    """Returns the trials from which curves are drawn, one at each place.

    These are the chosen points of a search, the trials at the fixed learning rate if there are
    tuned ones too, and otherwise all. Raises ResultsError if a search has chosen nothing yet.
    """
    return next(iter(parts(frame, study_record).values()))


def parts(frame: pd.DataFrame, study_record: Mapping[str, object]) -> dict[str, pd.DataFrame]:
    """Splits the frame into parts whose trials a curve may join; a single part has the name "".

    Raises ResultsError if a search has chosen nothing yet.
    """
    search, rates = search_of(frame, study_record), rates_of(frame, study_record)
    if search:
        best = {key for point in _points(search) if point["chosen"] for key in point["keys"]}
        if not best:
            raise ResultsError(
                "The search has chosen nothing yet, and these are trials of all its points. "
                "Run the study again: it continues where it stopped."
            )
        return {"": _keep(frame, best, _searched(search), search["ranges"])}
    if rates:
        keys = _with_rates(rates)
        return {
            FIXED: _keep(frame, {*rates["fixed"]}, keys),
            f"{TUNED} (from {rates['study']})": _keep(frame, {*rates["tuned"]}, keys, ["lr"]),
        }
    return {"": frame}


def _keep(
    frame: pd.DataFrame, keys: set[str], among: set[str], chosen: Collection[str] = ()
) -> pd.DataFrame:
    """Drops the trials of `among` that are not in `keys`; others (diffusion models) stay.

    The column CHOSEN of the result names the `chosen` fields, which may differ along a curve.
    """
    selection = frame[frame["key"].isin(keys) | ~frame["key"].isin(among)]
    return selection.assign(**{curves.CHOSEN: " ".join(chosen)}) if chosen else selection


def with_record(frame: pd.DataFrame, name: str, record: object) -> pd.DataFrame:
    """Returns the frame with the record, if there is one, in each row of the column `name`."""
    entries: list[Any] = [record] * len(frame)
    return frame if record is None else frame.assign(**{name: entries})


def _points(search: SearchRecord) -> list[SearchedPoint]:
    return [point for cell in search["cells"] for point in cell]


def _searched(search: SearchRecord) -> set[str]:
    return {key for point in _points(search) for key in point["keys"]}


def _with_rates(rates: RatesRecord) -> set[str]:
    return {*rates["fixed"], *rates["tuned"]}


def _recorded(frame: pd.DataFrame, record: T | None, keys: Callable[[T], set[str]]) -> T | None:
    """Returns the record, or None if it is out of date.

    A later launch that was killed before it wrote its own record leaves VAEs that this one does not
    name.
    """
    if not isinstance(record, dict) or "key" not in frame:
        return None
    listed = keys(record)
    trial_keys = frame.loc[frame["kind"] != "diffusion", "key"]
    return record if len(trial_keys) and trial_keys.isin(listed).all() else None
