"""Reads where results come from: the study, its preset, and each launch's commit and date."""

import json
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.command import command
from analysis.errors import NewerFormat, ResultsError
from analysis.storage.trial_folder import check_format, read_versioned

KEPT = ("study", "preset", "launches", "search", "rates", "studies", "own")
METADATA = b"study"  # the parquet schema's entry with name, preset, launches and format


def provenance(path: str | Path) -> dict[str, object]:
    """Returns `study`, `preset` and `launches` of a study's folder or parquet file.

    They come with `search` and `rates` if the study's trials were chosen by validation. For a
    results root the result has the launches of all studies, and `preset` if all have the same.
    """
    path = Path(path)
    study = read_versioned(path / "study.json") if path.is_dir() else None
    if study is None and (path / "trials").is_dir():
        return _of_root(path)
    if study is None:
        file = path / "trials.parquet" if path.is_dir() else path
        study = about_parquet(file) if file.is_file() else {}
    return {name: study[name] for name in KEPT if name in study}


def about_parquet(file: Path) -> dict[str, object]:
    """Reads the record of its study in a parquet file.

    Raises ResultsError if the file cannot be read or its format is not known.
    """
    try:
        text = (pq.read_schema(file).metadata or {}).get(METADATA)
        record = json.loads(text) if text else {}
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        record, fault = None, type(error).__name__
    else:
        fault = "its record is not an object"
    if not isinstance(record, dict):
        raise ResultsError(
            f"{file} is not a readable parquet file ({fault}). "
            f"Type {command('report', '--results', file.parent)} to write it again."
        )
    check_format(file, record.pop("format", 0))
    return record


def _of_root(root: Path) -> dict[str, object]:
    studies = []
    for file in sorted(root.glob("*/study.json")):
        with suppress(NewerFormat):  # the root's other studies can still be read
            studies.append(read_versioned(file) or {})
    launches = [launch for study in studies for launch in launches_of(study)]
    presets = {str(study.get("preset")) for study in studies}
    preset = {"preset": presets.pop()} if len(presets) == 1 else {}
    return preset | {"launches": sorted(launches, key=lambda launch: str(launch.get("started")))}


def launches_of(record: dict[str, object]) -> list[dict[str, object]]:
    """Returns the launches that a study.json lists."""
    listed = record.get("launches")
    return (
        [launch for launch in listed if isinstance(launch, dict)]
        if isinstance(listed, list)
        else []
    )


def public(launch: dict[str, object]) -> dict[str, object]:
    """Returns the launch without its command line and host, which name folders and machines."""
    hardware = launch.get("hardware")
    if isinstance(hardware, dict):
        launch = launch | {"hardware": {k: v for k, v in hardware.items() if k != "host"}}
    return {name: value for name, value in launch.items() if name != "argv"}


def note(path: str | Path) -> str:
    """Returns a line on where results come from: study, preset, commit, date of the last launch."""
    record = provenance(path)
    last = (launches_of(record) or [{}])[-1]
    parts = [str(record["study"])] if record.get("study") else []
    parts += [f"preset {record['preset']}"] if record.get("preset") else []
    parts += _code(last)
    parts += [f"launched {str(last['started'])[:10]}"] if last.get("started") else []
    return ", ".join(parts)


def _code(launch: dict[str, object]) -> list[str]:
    """Names a launch's code by its commit or version; launches of old versions have no `code`."""
    code = launch.get("code")
    if not isinstance(code, dict):
        code = {"commit": launch.get("git_commit"), "dirty": launch.get("git_dirty")}
    if code.get("commit"):
        dirty = " with uncommitted changes" if code.get("dirty") else ""
        return [f"commit {str(code['commit'])[:10]}{dirty}"]
    return [f"version {code['version']}"] if code.get("version") else []
