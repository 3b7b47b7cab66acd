"""Reads under which circumstances trials ran: host, failed attempts, memory, time of measuring."""

from pathlib import Path

import pandas as pd

from analysis.storage.provenance import launches_of
from analysis.storage.trial_folder import read_json


def circumstances(
    frame: pd.DataFrame, study: Path | None, record: dict[str, object]
) -> pd.DataFrame:
    """Returns a row for each trial by key: host, retried, measuring (seconds), peak_bytes, on_gpu.

    `retried` are the attempts that failed before the trial ran again, over all launches. Hosts are
    numbered from 1, since a page names no machine, and missing if there is only one. Without a
    study's folder only `retried` is known.
    """
    keys = list(dict.fromkeys(frame["key"]))
    done = [(read_json(study.parent / "trials" / key / "done.json") if study else None) or {}
            for key in keys]  # fmt: skip
    hosts, retried = _numbered([outcome.get("host") for outcome in done]), _retried(record)
    measuring = [number(_profile(outcome).get("measuring")) for outcome in done]
    return pd.DataFrame({
        "host": pd.Series(hosts, keys, dtype="Int64"),
        "retried": pd.Series([retried.get(key) for key in keys], keys, dtype="Int64"),
        "measuring": pd.Series(measuring, keys, dtype=float),
        "peak_bytes": pd.Series([number(d.get("peak_bytes")) for d in done], keys, dtype=float),
        "on_gpu": pd.Series([_on_gpu(d.get("device")) for d in done], keys, dtype="boolean"),
    })  # fmt: skip


def _numbered(hosts: list[object]) -> list[int | None]:
    """Numbers hosts in the order in which trials name them; None for all if there is one."""
    names = list(dict.fromkeys(host for host in hosts if isinstance(host, str)))
    several = len(names) > 1
    return [names.index(h) + 1 if several and isinstance(h, str) else None for h in hosts]


def _retried(record: dict[str, object]) -> dict[str, int]:
    """Adds up the failed attempts of all launches by key."""
    total: dict[str, int] = {}
    for launch in launches_of(record):
        counts = _profile(launch).get("retried")
        for key, count in counts.items() if isinstance(counts, dict) else ():
            total[key] = total.get(key, 0) + (count if type(count) is int else 0)
    return total


def _profile(record: dict[str, object]) -> dict[str, object]:
    profile = record.get("profile")
    return profile if isinstance(profile, dict) else {}


def _on_gpu(device: object) -> bool | None:
    return device.startswith("cuda") if isinstance(device, str) else None


def number(value: object) -> float | None:
    """Returns the value if it is a number, or None, as in a damaged file."""
    return float(value) if isinstance(value, int | float) else None
