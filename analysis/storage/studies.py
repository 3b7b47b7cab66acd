"""Reads which trials belong to each study of several, and what each study chose by validation.

In a results root each study's `study.json` lists its trials and their epochs; a parquet file that
was written from a root lists them in the records `studies` and `own` of its metadata. A study's own
folder or file has no others.
"""

from pathlib import Path
from typing import TypedDict

from analysis.errors import NewerFormat
from analysis.storage import provenance
from analysis.storage.trial_folder import read_versioned

CHOICES = ("search", "rates")  # records of what a study chose by validation


class Record(TypedDict, total=False):
    """Describes what is recorded of one study among several."""

    trials: dict[str, int | None]  # number of epochs that it requests, by key; None: all
    search: object
    rates: object


def records(path: str | Path) -> dict[str, Record]:
    """Returns the record of each study by its name, {} if `path` belongs to one study.

    Studies of the same name in several folders are joined. Damaged or newer records are skipped.
    """
    path = Path(path)
    if path.is_file() or not (path / "trials").is_dir():
        return _of_parquet(provenance.provenance(path))
    result: dict[str, Record] = {}
    for file in sorted(path.glob("*/study.json")):
        try:
            study_record = read_versioned(file) or {}
        except NewerFormat:
            continue
        if isinstance(study_record.get("trials"), dict) and study_record.get("study"):
            record = result.setdefault(str(study_record["study"]), {"trials": {}})
            record["trials"] |= _epochs(study_record["trials"])
            for name in CHOICES:
                if name in study_record:
                    record[name] = study_record[name]  # type: ignore[literal-required]
    return result


def _of_parquet(study_record: dict[str, object]) -> dict[str, Record]:
    """Returns the records in a parquet file; older files list the keys of trials alone."""
    lists, stored = study_record.get("studies"), study_record.get("own")
    result: dict[str, Record] = {}
    for name, keys in lists.items() if isinstance(lists, dict) else ():
        if isinstance(keys, list):
            result[str(name)] = {"trials": dict.fromkeys(map(str, keys))}
    for name, record in stored.items() if isinstance(stored, dict) else ():
        if name in result and isinstance(record, dict):
            target = result[name]
            trials = record.get("trials")
            target["trials"] |= _epochs(trials) if isinstance(trials, dict) else {}
            target.update({n: record[n] for n in CHOICES if n in record})  # type: ignore[typeddict-item]
    return result


def _epochs(trials: object) -> dict[str, int | None]:
    """Returns the epochs that a record requests of its trials, by key."""
    listed = trials.items() if isinstance(trials, dict) else ()
    requested = {str(key): e.get("epochs") if isinstance(e, dict) else e for key, e in listed}
    return {key: epochs if type(epochs) is int else None for key, epochs in requested.items()}


def about(path: str | Path, study: str) -> dict[str, object]:
    """Returns the provenance of results, with what `study` chose by validation if it is in them."""
    record = records(path).get(study, {})
    chosen = {name: record[name] for name in CHOICES if name in record}  # type: ignore[literal-required]
    return provenance.provenance(path) | chosen
