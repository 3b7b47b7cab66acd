"""Selects, in results of several studies, the trials of the study that shows a figure.

In a results root each study's `study.json` lists its trials; a parquet file written from a root
lists them in the record `studies` of its metadata. A study's own folder or file has no others.
"""

from pathlib import Path

import pandas as pd

from analysis import provenance
from analysis.results import Unmeasured
from analysis.trial_folder import NewerFormat, read_versioned

STUDY = "study"  # in a frame's attrs: the study, of several, whose trials these are


def studies(path: str | Path) -> dict[str, list[str]]:
    """Returns the keys of each study's trials by its name, {} if `path` belongs to one study.

    Studies of the same name in several folders are joined. Damaged or newer records are skipped.
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
    """Selects the frame's trials that belong to `study`, or all if `path` has no rows of it.

    Diffusion models stay, because a study may sample from those that another one trained. If trials
    were left out, `attrs["study"]` of the result names the study.
    """
    own = set(studies(path).get(study, ()))
    chosen = frame["key"].isin(own)
    kept = frame[chosen | (frame["kind"] == "diffusion")]
    if not chosen.any() or len(kept) == len(frame):
        return frame
    waiting = (trial for trial in frame.attrs.get("unmeasured", []) if trial.get("key") in own)
    kept.attrs = {**frame.attrs, "unmeasured": Unmeasured(waiting), STUDY: study}
    return kept


def note(frame: pd.DataFrame) -> list[str]:
    """Returns a line that names the study if `of_study` left out others, else []."""
    study = frame.attrs.get(STUDY)
    return [f"Only the trials of the study {study} are used."] if study else []
