"""Compares planned and actual time on a page, and shows what a launch spent its time on."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pandas as pd

from analysis.page.circumstances import number
from analysis.page.lines import groups, order
from analysis.storage.provenance import launches_of
from analysis.storage.trial_folder import read_json

PLAN = "plan.json"  # the file that a launch writes
PARTS = {  # of a launch's profile, in their order
    "start": "program start",
    "ray": "joining and leaving Ray",
    "trials": "training",
    "sampling": "drawing samples",
    "metrics": "costly metrics",
    "tensorboard": "TensorBoard",
    "figures": "figures and page",
}


class CostRow(TypedDict):
    """Holds the time of the trials of a line at one (m_z, n_c), in minutes of one worker."""

    line: str
    m_z: int | None
    n_c: int | None
    trials: int
    planned: float | None
    took: float
    planned_gb: float | None  # largest memory of a trial; on a GPU without CUDA's context
    used_gb: float | None
    share_planned: NotRequired[float]  # of the largest number in the table
    share_took: NotRequired[float]


class LaunchTimes(TypedDict):
    """Holds the profile of a launch, as study.json has it."""

    started: object
    parts: dict[str, float]  # seconds
    wall: object
    trials: object
    training: object
    width: object


def against_plan(frame: pd.DataFrame, study: Path | None, details: pd.DataFrame) -> list[CostRow]:
    """Returns a row for each line and (m_z, n_c): trials, planned and actual minutes and memory.

    Minutes are those of one worker, for training and measuring; shares are relative to the largest
    number. GB are the largest of any trial. What was not planned or not recorded is None. Planned
    memory of a trial on a GPU is that without CUDA's context, as is the recorded one. `details` are
    the `circumstances` of the trials.
    """
    if "seconds" not in frame:
        return []
    last = frame.drop_duplicates("key", keep="last")
    last = last[last["state"] == "done"]
    extra = details.loc[last["key"]].set_axis(last.index)
    seconds = last["seconds"].astype(float) + extra["measuring"].fillna(0.0)
    plan = _planned(study, last["key"]).set_axis(last.index)
    context = plan["context_bytes"].where(extra["on_gpu"].fillna(False), 0.0)
    planned_bytes = plan["memory_bytes"] - context
    memory = {"planned_gb": planned_bytes / 1e9, "used_gb": extra["peak_bytes"] / 1e9}
    table = last.assign(took=seconds / 60, planned=plan["hours"] * 60, **memory)
    rows: list[CostRow] = []
    for line in order(table["line"]):
        for place, part in groups(table[table["line"] == line], ["m_z", "n_c"], dropna=False):
            m_z, n_c = map(_whole, place)
            rows.append({"line": line, "m_z": m_z, "n_c": n_c, "trials": len(part),
                         "planned": _known(part["planned"].sum(skipna=False)),
                         "took": float(part["took"].sum()),
                         "planned_gb": _known(part["planned_gb"].max()),
                         "used_gb": _known(part["used_gb"].max())})  # fmt: skip
    most = max((max(row["took"], row["planned"] or 0.0) for row in rows), default=0.0) or 1.0
    for row in rows:
        row |= {"share_took": row["took"] / most, "share_planned": (row["planned"] or 0.0) / most}
    return rows


def _planned(study: Path | None, keys: pd.Series) -> pd.DataFrame:
    """Returns the hours and bytes of plan.json, a row for each key, missing if unknown."""
    plan = (read_json(study / PLAN) if study else None) or {}
    listed = plan.get("trials")
    plans = [listed.get(key) if isinstance(listed, dict) else None for key in keys]
    planned = [entry if isinstance(entry, dict) else {} for entry in plans]
    names = ("hours", "memory_bytes", "context_bytes")
    return pd.DataFrame(
        {n: [number(entry.get(n)) for entry in planned] for n in names}, dtype=float
    )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def profiles(record: dict[str, object]) -> list[LaunchTimes]:
    """Returns for each launch with a profile its start, wall time, trials and parts of time."""
    result: list[LaunchTimes] = []
    for launch in launches_of(record):
        profile = launch.get("profile")
        if not isinstance(profile, dict) or not isinstance(profile.get("parts"), dict):
            continue
        parts = {PARTS.get(n, n): s for n, s in sorted(profile["parts"].items(), key=_place)}
        result.append({
            "started": launch.get("started"), "parts": parts, "wall": profile.get("wall"),
            "trials": profile.get("trials"), "training": profile.get("training"),
            "width": profile.get("width"),
        })  # fmt: skip
    return result


def _place(part: tuple[str, float]) -> int:
    return list(PARTS).index(part[0]) if part[0] in PARTS else len(PARTS)
