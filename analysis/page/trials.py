"""Lists the trials on a page: a table to sort and filter, and the failures."""

from typing import Any, TypedDict

import pandas as pd

from analysis.page.cells import rounded, shown
from analysis.page.learning import axes_of, path_of
from analysis.storage.trial_folder import TrialFolder

CURVE = "curve"  # the column of pictures
COLUMNS = {  # of the table: the frame's name, the head
    "line": "source",
    "m_z": "m_z",
    "n_c": "n_c",
    "replicate": "replicate",
    "seed": "seed",
    "state": "state",
    "epoch": "epoch",
    CURVE: "over epochs",
    "test_elbo": "test ELBO",
    "train_elbo": "train ELBO",
    "generalization_gap": "gap",
    "accuracy": "accuracy",
    "parameters": "parameters",
    "seconds": "training, s",
    "host": "host",
    "retried": "retried",
    "key": "trial",
}

CURVES = {"vae": "test_elbo", "diffusion": "test_loss", "two_sample": "accuracy"}  # by kind
CURVE_SIZE, CURVE_POINTS = (64, 18), 24  # in SVG units, and the most points of a curve
ORDER = ("line", "m_z", "n_c", "replicate", "seed")  # columns by which rows are sorted


class Head(TypedDict):
    """Holds the head of a column, and whether its cells are numbers or curves."""

    text: str
    number: bool
    curve: bool


class TrialTable(TypedDict):
    """Holds a table; a cell is (text, value to sort by), that of a curve the `d` of its path."""

    heads: list[Head]
    rows: list[list[tuple[str, Any]]]
    curve_size: tuple[int, int]


class Failure(TypedDict):
    """Describes a trial that failed or cannot be read."""

    key: str
    state: str
    epoch: int
    error: str


def table(frame: pd.DataFrame, details: pd.DataFrame) -> TrialTable:
    """Returns heads and rows of a table of each trial's last measured epoch, with its curve.

    A cell is (text, value to sort by). Rows are in the order of `ORDER`. Columns without any value
    are left out. `details` are the `circumstances` of the trials.
    """
    last = frame.drop_duplicates("key", keep="last")
    last = last.sort_values([n for n in ORDER if n in last], na_position="last", kind="stable")
    last = last.join(details, on="key").assign(**{CURVE: last["key"].map(_curves(frame))})
    names = [n for n in COLUMNS if n in last and last[n].notna().any()]
    rows = [[_cell(row[name]) for name in names] for row in last.to_dict("records")]
    numbers = [pd.api.types.is_numeric_dtype(last[name]) for name in names]
    heads: list[Head] = [
        {"text": COLUMNS[name], "number": is_number, "curve": name == CURVE}
        for name, is_number in zip(names, numbers, strict=True)
    ]
    return {"heads": heads, "rows": rows, "curve_size": CURVE_SIZE}


def _curves(frame: pd.DataFrame) -> dict[str, str]:
    """Draws the main number of each trial over its epochs, on the same axes for all of a kind."""
    paths: dict[str, str] = {}
    for kind, name in CURVES.items():
        rows = frame[frame["kind"] == kind]
        rows = rows.dropna(subset=[name]) if name in rows else rows.iloc[:0]
        if rows.empty:
            continue
        axes = axes_of(rows, [name])
        for key, trial_rows in rows[["key", "epoch", name]].groupby("key"):
            thinned = trial_rows.iloc[:: 1 + len(trial_rows) // CURVE_POINTS]
            paths[str(key)] = path_of(thinned, name, axes, *CURVE_SIZE)
    return paths


def _cell(value: Any) -> tuple[str, Any]:
    if value is None or pd.isna(value):
        return "", ""
    if isinstance(value, str):
        return value, value
    number = rounded(float(value))
    if float(value).is_integer():
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), number
    return shown(number), number


def counts(folders: list[TrialFolder], frame: pd.DataFrame) -> dict[str, int]:
    """Counts the trials in each state, the most frequent state first."""
    if folders:
        states = pd.Series([trial.state for trial in folders])
    else:
        states = frame.drop_duplicates("key")["state"]
    state_counts = states.value_counts()
    return {name: int(state_counts[name]) for name in state_counts.index}


def failures(folders: list[TrialFolder]) -> list[Failure]:
    """Returns the trials that failed or cannot be read, each with the reason."""
    why = {"failed": "no reason was recorded", "unreadable": "trial.json is missing or damaged"}
    return [
        {"key": t.key, "state": t.state, "epoch": t.epoch, "error": t.error or why[t.state]}
        for t in folders
        if t.state in why
    ]
