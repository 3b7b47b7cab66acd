"""Selects, in results of several studies, the trials of the study that shows a figure."""

from pathlib import Path

import pandas as pd

from analysis.results import Unmeasured
from analysis.storage.studies import records

STUDY = "study"  # in a frame's attrs: the study, of several, whose trials these are


def of_study(frame: pd.DataFrame, path: str | Path, study: str) -> pd.DataFrame:
    """Selects the frame's trials that belong to `study`, or all if `path` has no rows of it.

    Trials that another study trained for more epochs are cut at those that this one requests.
    Diffusion models stay, because a study may sample from those that another one trained. If trials
    were left out, `attrs["study"]` of the result names the study.
    """
    epochs = records(path).get(study, {}).get("trials", {})
    chosen = frame["key"].isin(epochs.keys())
    if not chosen.any():
        return frame
    selection = frame[chosen | (frame["kind"] == "diffusion")]
    some = len(selection) < len(frame)
    waiting = (trial for trial in frame.attrs.get("unmeasured", []) if trial.get("key") in epochs)
    selection = _cut(selection if some else frame, epochs)
    if some:
        selection.attrs = {**frame.attrs, "unmeasured": Unmeasured(waiting), STUDY: study}
    return selection


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
    study = frame.attrs.get(STUDY)
    return [f"Only the trials of the study {study} are used."] if study else []
