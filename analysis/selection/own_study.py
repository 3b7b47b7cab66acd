"""Selects, in results of several studies, the trials of the study that shows a figure."""

from pathlib import Path

import pandas as pd

from analysis.storage.studies import records
from analysis.storage.unmeasured import unmeasured, with_unmeasured

STUDY = "of_study"  # column: the study, of several, whose trials these are


def of_study(frame: pd.DataFrame, path: str | Path, study: str) -> pd.DataFrame:
    """Selects the frame's trials that belong to `study`, or all if `path` has no rows of it.

    Trials that another study trained for more epochs are cut at those that this one requests.
    Diffusion models stay, because a study may sample from those that another one trained. If trials
    were left out, the column STUDY of the result names the study.
    """
    epochs = records(path).get(study, {}).get("trials", {})
    chosen = frame["key"].isin(epochs.keys())
    if not chosen.any():
        return frame
    selection = frame[chosen | (frame["kind"] == "diffusion")]
    some = len(selection) < len(frame)
    selection = _cut(selection, epochs)
    waiting = [trial for trial in unmeasured(frame) if trial.get("key") in epochs]
    return with_unmeasured(selection.assign(**{STUDY: study}) if some else selection, waiting)


def _cut(frame: pd.DataFrame, epochs: dict[str, int | None]) -> pd.DataFrame:
    """Drops the rows after the requested epochs; a trial that failed only after them is done."""
    longest = frame["key"].map({key: n for key, n in epochs.items() if n is not None})
    beyond = frame["epoch"] > longest.astype(float).fillna(float("inf"))
    if not beyond.any():
        return frame
    rows = frame[~beyond].reset_index(drop=True)
    failed_later = rows["key"].isin(frame.loc[beyond, "key"]) & (rows["state"] == "failed")
    return rows.assign(state=rows["state"].mask(failed_later, "done"))


def note(frame: pd.DataFrame) -> list[str]:
    """Returns a line that names the study if `of_study` left out others, else []."""
    names = frame[STUDY].unique() if STUDY in frame else ()
    return [f"Only the trials of the study {name} are used." for name in names]
