"""Writes all results to one file: parquet, or csv for a spreadsheet."""

import hashlib
import json
import os
from pathlib import Path, PurePath
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import ResultsError
from analysis.results import load
from analysis.storage import studies
from analysis.storage.provenance import METADATA, launches_of, provenance, public
from analysis.storage.trial_folder import FORMAT

SUFFIXES = (".parquet", ".csv")


def compact(
    path: str | Path, frame: pd.DataFrame | None = None, output: Path | None = None
) -> Path:
    """Writes frame and provenance to one file atomically and returns the file's path.

    The default file is the study's trials.parquet. A named `output` is meant for others, so it
    omits command lines, hosts, and folders of the user's data sets and modules. `frame` is the
    result of `load` if it is loaded already. A csv contains the frame only. Raises ResultsError
    without an output for a folder that belongs to no study, and for an unknown suffix.
    """
    path = Path(path)
    if not output and path.is_dir() and not (path / "study.json").is_file():
        raise ResultsError(
            f"{path} is not a study's folder: it contains no study.json. "
            "Give one: --results results/double_descent, or name the file to write: -o FILE."
        )
    if output and output.suffix.lower() not in SUFFIXES:
        raise ResultsError(
            f"compact cannot write the format of {output}. Name it .parquet or .csv: -o all.csv."
        )
    record = provenance(path)
    frame = load(path) if frame is None else frame
    if output:
        record = record | {"launches": [public(launch) for launch in launches_of(record)]}
        record |= _studies(path, frame)
        frame = without_folders(frame)
    output = output or path / "trials.parquet"
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.parent / f".{output.name}.{os.getpid()}"
    try:
        with temporary.open("wb") as file:
            (_csv if output.suffix.lower() == ".csv" else _parquet)(frame, record, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)
    return output


def _studies(path: Path, frame: pd.DataFrame) -> dict[str, object]:
    """Returns the records `studies` and `own` (`storage.studies`), {} for a single study.

    The first has the keys of each study's trials, the second their epochs and what was chosen.
    """
    keys = set(frame["key"])
    lists, records = {}, {}
    for name, record in studies.records(path).items():
        trials = {key: n for key, n in record["trials"].items() if key in keys}
        if trials:
            lists[name], records[name] = sorted(trials), record | {"trials": trials}
    return {"studies": lists, "own": records} if records else {}


def without_folders(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the frame with the names of the user's data sets and modules instead of their paths.

    If two files have the same name, the start of a hash of their path precedes it.
    """
    columns = [str(n) for n in frame if n == "dataset" or str(n).startswith("modules_")]
    changed = {name: frame[name].map(_names(frame[name])).astype("str") for name in columns}
    changed = {n: v.where(frame[n].notna()) for n, v in changed.items()}
    return frame.assign(**changed)


def _names(values: pd.Series) -> dict[str, str]:
    paths = sorted({str(value) for value in values.dropna()})
    names = {path: PurePath(path).name or path for path in paths}
    doubled = {name for name in names.values() if list(names.values()).count(name) > 1}
    return {
        path: f"{hashlib.sha256(path.encode()).hexdigest()[:6]}-{name}" if name in doubled else name
        for path, name in names.items()
    }


def _parquet(frame: pd.DataFrame, record: dict[str, object], file: IO[bytes]) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {METADATA: json.dumps(record | {"format": FORMAT}, sort_keys=True).encode()}
    pq.write_table(table.replace_schema_metadata((table.schema.metadata or {}) | metadata), file)


def _csv(frame: pd.DataFrame, record: dict[str, object], file: IO[bytes]) -> None:
    frame.to_csv(file, index=False, encoding="utf-8", lineterminator="\n")
