"""Which trials of several studies a figure is drawn from: those of the study that shows it.

A results root tells each study's trials by its `study.json`, a parquet file written from a root
by the record `studies` in its metadata; the trials of a study's own folder or file are all its.
"""

from pathlib import Path

import pandas as pd

from analysis import provenance
from analysis.trial_folder import NewerFormat, read_versioned

STUDY = "study"  # in the attrs of a frame: the one of several whose trials these are


def studies(path: str | Path) -> dict[str, list[str]]:
    """The keys of each study's trials, by its name; empty where `path` is of one study alone.

    Studies of one name in several folders are one. Damaged or newer records are left out.
    """
    path = Path(path)
    if path.is_file() or not (path / "trials").is_dir():
        record = provenance.provenance(path).get("studies")
        kept = record.items() if isinstance(record, dict) else ()
        return {str(name): list(keys) for name, keys in kept if isinstance(keys, list)}
    found: dict[str, list[str]] = {}
    for file in sorted(path.glob("*/study.json")):
        try:
            about = read_versioned(file) or {}
        except NewerFormat:
            continue
        if isinstance(about.get("trials"), dict) and about.get("study"):
            found.setdefault(str(about["study"]), []).extend(map(str, about["trials"]))  # type: ignore[call-overload]
    return found


def of_study(frame: pd.DataFrame, path: str | Path, study: str) -> pd.DataFrame:
    """The frame's trials that belong to `study`, all where `path` has no such study with rows.

    Diffusion models stay: any study may have trained those that another samples from.
    `attrs["study"]` of what is left out names the study.
    """
    own = set(studies(path).get(study, ()))
    chosen = frame["key"].isin(own)
    kept = frame[chosen | (frame["kind"] == "diffusion")]
    if not chosen.any() or len(kept) == len(frame):
        return frame
    waiting = [trial for trial in frame.attrs.get("unmeasured", []) if trial.get("key") in own]
    kept.attrs = {**frame.attrs, "unmeasured": waiting, STUDY: study}
    return kept


def note(frame: pd.DataFrame) -> list[str]:
    """Says of a part of several studies' trials which part it is."""
    study = frame.attrs.get(STUDY)
    return [f"Of the studies in these results: {study}."] if study else []
