"""Reads a results folder or parquet file as a tidy frame with a row per trial and measured epoch.

The folder's layout is in docs/results-format.md, the columns are in `COLUMNS`. Rows beyond the
epochs that a study requested are left out. `analysis.storage.compact` writes the same frame to one
file, from which every figure can be drawn again.
"""

import json
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import COLUMNS, COUNT, TEXT
from analysis.command import command
from analysis.errors import NewerFormat, ResultsError
from analysis.storage import own_files
from analysis.storage.invariants import checked
from analysis.storage.pool_quality import with_pool_quality
from analysis.storage.provenance import about_parquet
from analysis.storage.provenance import note as note
from analysis.storage.trial_folder import TrialFolder, read_trial, read_versioned
from analysis.storage.unmeasured import IDENTITY, with_unmeasured

NAMED = 3  # damaged trials named on stderr before "and n more"
LARGEST = 10**300  # a whole number in JSON may have a thousand digits
APART = {"key", "kind", "state", "dataset", "seed", "source", "m_z", "n_c", "share"}


def load(path: str | Path, folders: list[TrialFolder] | None = None) -> pd.DataFrame:
    """Reads a results root, a study's folder or a parquet file; columns are as in COLUMNS.

    A user's data file has one name, however often it was renamed (`analysis.storage.own_files`).
    Numbers that were not measured are missing (NaN or NA), never 0. Trials without any row are
    listed by `storage.unmeasured`. `folders` are the path's `trials`, if they are read already.
    Raises ResultsError with two sentences if there is nothing to read, and if a column does not
    meet `analysis.storage.invariants`.
    """
    return own_files.named(_load(Path(path), folders))


def _load(path: Path, folders: list[TrialFolder] | None) -> pd.DataFrame:
    if path.is_file():
        return checked(_read_parquet(path), path)
    folders = trials(path) if folders is None else folders
    if not folders and (path / "trials.parquet").is_file():
        return checked(_read_parquet(path / "trials.parquet"), path / "trials.parquet")
    if not any(trial.rows and trial.fields for trial in folders):
        raise ResultsError(
            f"{path} contains no measured epoch yet. "
            "Run the study (again), or give another folder with --results FOLDER."
        )
    return with_pool_quality(_sound(folders, path), root_of(path))


def root_of(path: Path) -> Path:
    """Returns the results root of a study's folder; another path is returned as it is."""
    return path.parent if (path / "study.json").is_file() else path


def _sound(folders: list[TrialFolder], path: Path) -> pd.DataFrame:
    """Returns the frame of the trials without invalid values, and names the others on stderr.

    Raises ResultsError if no trial is valid.
    """
    try:
        return checked(_frame(folders), path)
    except ResultsError as error:
        reasons = {trial.key: _reason(trial, path) for trial in folders}
        valid = [trial for trial in folders if reasons[trial.key] is None]
        damaged = {key: reason for key, reason in reasons.items() if reason}
        if not damaged or not any(trial.rows and trial.fields for trial in valid):
            raise error
    for key, reason in list(damaged.items())[:NAMED]:
        print(f"Left out: {key}: {reason}", file=sys.stderr)
    if damaged.keys() - list(damaged)[:NAMED]:
        print(f"Left out: {len(damaged) - NAMED} more damaged trials", file=sys.stderr)
    return checked(_frame(valid), path)


def _reason(trial: TrialFolder, path: Path) -> str | None:
    """Returns what is wrong with the values of a trial, None if nothing is."""
    if not (trial.rows and trial.fields):
        return None
    try:
        checked(_frame([trial]), path / trial.key)
    except ResultsError as error:
        return str(error)
    return None


def trials(path: str | Path) -> list[TrialFolder]:
    """Reads every trial of a results root or of a study, [] if none is on disk.

    Raises ResultsError if the path does not exist or is not a results folder.
    """
    path = Path(path)
    if not path.exists():
        raise ResultsError(
            f"{path} does not exist. "
            "Run a study first (scaling-vae study double_descent), or give --results FOLDER."
        )
    if (path / "study.json").is_file():
        requested, home = _requested(path), path.parent / "trials"
        folders = [home / key for key in requested]
        if not any(folder.is_dir() for folder in folders):
            return []
        return [read_trial(folder, requested[folder.name]) for folder in folders]
    if (path / "trials").is_dir():
        folders = sorted(folder for folder in (path / "trials").iterdir() if folder.is_dir())
        return _readable(folders)
    if (path / "trials.parquet").is_file():
        return []
    raise ResultsError(
        f"{path} is not a results folder: it contains neither study.json nor trials/. "
        "Give a root, a study's folder or a parquet file: --results results/double_descent."
    )


def _readable(folders: list[Path]) -> list[TrialFolder]:
    """Reads the trials of a root, without those of a newer format unless there are no others."""
    result, refused = [], []
    for folder in folders:
        try:
            result.append(read_trial(folder))
        except NewerFormat as error:
            refused.append(error)
    if refused and not result:
        raise refused[0]
    return result


def _requested(study: Path) -> dict[str, int | None]:
    """Returns the keys of a study's trials, each with the number of epochs (None: all)."""
    listed = (read_versioned(study / "study.json") or {}).get("trials")
    if not isinstance(listed, dict):
        raise ResultsError(
            f"{study / 'study.json'} is damaged or lists no trials. "
            "Run the study again, which writes a new one, or read --results "
            f"{study / 'trials.parquet'}."
        )
    entries = {key: value for key, value in listed.items() if Path(key).name == key}
    lengths = {k: value.get("epochs") for k, value in entries.items() if isinstance(value, dict)}
    return {key: epochs if type(epochs) is int else None for key, epochs in lengths.items()}


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        about_parquet(path)
        frame = pq.ParquetFile(path).read().to_pandas()
    except NewerFormat:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, ResultsError) as error:
        raise ResultsError(
            f"{path} is not a readable parquet file ({type(error).__name__}). "
            f"Type {command('report', '--results', path.parent)} to write it again."
        ) from None
    if not {"key", "kind", "state", "epoch"} & {*frame.columns, *frame.index.names}:
        raise ResultsError(
            f"{path} is a parquet file, but not of trials: it lacks key, kind, state or epoch. "
            "Give a study's trials.parquet with --results."
        )
    return frame if frame.index.names == [None] else frame.reset_index()


def _frame(folders: list[TrialFolder]) -> pd.DataFrame:
    """Joins trials and their rows; of a name that both have, the row's value is taken if present.

    The fields that identify a trial (APART) are never taken from the row.
    """
    waiting = [
        trial.fields | {"key": trial.key} for trial in folders if trial.fields and not trial.rows
    ]
    identities = ({name: fields.get(name) for name in IDENTITY} for fields in waiting)
    folders = [trial for trial in folders if trial.rows and trial.fields]
    named = [{"key": t.key, "kind": None, "state": t.state} | (t.fields or {}) for t in folders]
    row_names = [row.keys() - APART for trial in folders for row in trial.rows]
    shared = set().union(*named) & set().union(*row_names)
    rows = _columns(
        [
            {name: fields.get(name) for name in shared}
            | {n: v for n, v in row.items() if n not in APART}
            for fields, trial in zip(named, folders, strict=True)
            for row in trial.rows
        ]
    )
    fields = _columns(named)
    owner = [i for i, trial in enumerate(folders) for _ in trial.rows]
    other_fields = fields.drop(columns=[name for name in fields if name in rows])
    frame = pd.concat([other_fields.take(owner).reset_index(drop=True), rows], axis=1)
    return with_unmeasured(frame, identities)


def _columns(records: list[dict[str, object]]) -> pd.DataFrame:
    """Makes typed columns of records: those of COLUMNS first and in that order, then the others."""
    names = dict.fromkeys(chain.from_iterable(records))
    ordered = [name for name in COLUMNS if name in names]
    ordered += [name for name in names if name not in COLUMNS]
    return pd.DataFrame({n: _typed(n, [record.get(n) for record in records]) for n in ordered})


def _typed(name: str, values: list[object]) -> pd.Series:
    """Makes a column whose dtype depends on the types of its values only, as parquet keeps it."""
    kinds = set(map(type, values)) - {type(None)}
    unit = COLUMNS[name][0] if name in COLUMNS else None
    missing = None in values
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if missing else "bool")
    integral = kinds <= {int} and (unit == COUNT or (kinds and unit is None))
    if integral and all(abs(value) < 2**63 for value in values if isinstance(value, int)):
        return pd.Series(values, dtype="Int64" if missing else "int64")
    if kinds <= {int, float} and unit != TEXT:
        finite = [None if type(v) is int and abs(v) > LARGEST else v for v in values]
        return pd.Series(finite, dtype="float64").replace([np.inf, -np.inf], np.nan)
    plain_types = (str, type(None))
    texts = [v if isinstance(v, plain_types) else json.dumps(v, sort_keys=True) for v in values]
    texts = [v and v.encode("utf-8", "replace").decode() for v in texts]  # no lone surrogates
    return pd.Series(texts, dtype="str")
