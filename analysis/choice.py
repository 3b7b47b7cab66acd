"""Which trials of a study count: those that a search has chosen, those at a fixed or tuned rate.

`study.json` tells both, by key. Nothing is chosen here, and nothing by the test set.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.trial_folder import ResultsError

FIXED, TUNED = "fixed rate", "tuned rates"


def search_of(frame: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, Any] | None:
    """The search that the study records; None where these trials are those of no search."""
    return _recorded(frame, about.get("search"), _searched)


def rates_of(frame: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rates that the study records; None where these trials have no others but their own."""
    return _recorded(frame, about.get("rates"), lambda rates: {*rates["fixed"], *rates["tuned"]})


def figures_of(frame: pd.DataFrame, about: Mapping[str, Any]) -> list[str]:
    """The figures that show what was chosen."""
    search, rates = search_of(frame, about), rates_of(frame, about)
    return [*(["search"] if search else []), *(["tuned"] if rates else [])]


def chosen(frame: pd.DataFrame, about: Mapping[str, Any]) -> pd.DataFrame:
    """The trials that figures of curves are drawn from: one at each place.

    Of a search the chosen points, beside fixed and tuned rates the fixed ones, else all. Raises
    ResultsError where a search has chosen nothing yet.
    """
    return next(iter(parts(frame, about).values()))


def parts(frame: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The frame's trials as curves may join them, by a name, which is empty for the only part.

    Raises ResultsError where a search has chosen nothing yet.
    """
    search, rates = search_of(frame, about), rates_of(frame, about)
    if search:
        best = {key for point in _points(search) if point["chosen"] for key in point["keys"]}
        if not best:
            raise ResultsError(
                "The search has chosen nothing yet, and these are trials of all its points. "
                "Run the study again: it continues where it stopped."
            )
        return {"": _keep(frame, best, _searched(search))}
    if rates:
        every = {*rates["fixed"], *rates["tuned"]}
        return {
            FIXED: _keep(frame, {*rates["fixed"]}, every),
            f"{TUNED} (from {rates['study']})": _keep(frame, {*rates["tuned"]}, every),
        }
    return {"": frame}


def _keep(frame: pd.DataFrame, keys: set[str], among: set[str]) -> pd.DataFrame:
    """Drops those `among` the keys that are not `keys`; others, diffusion models, stay."""
    return frame[frame["key"].isin(keys) | ~frame["key"].isin(among)]


def _points(search: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [point for cell in search["cells"] for point in cell]


def _searched(search: Mapping[str, Any]) -> set[str]:
    return {key for point in _points(search) for key in point["keys"]}


def _recorded(frame: pd.DataFrame, record: Any, keys: Any) -> dict[str, Any] | None:
    """The record, unless a later launch has asked for other trials and was killed before its own.

    VAEs that it does not name are of such a launch.
    """
    if not isinstance(record, dict) or "key" not in frame:
        return None
    known = keys(record)
    own = frame.loc[frame["kind"] != "diffusion", "key"]
    return record if len(own) and own.isin(known).all() else None
