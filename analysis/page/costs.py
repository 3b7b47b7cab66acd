"""Compares planned and actual time on a page, and shows what a launch spent its time on."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pandas as pd

from analysis.page.lines import groups, order
from analysis.provenance import launches_of
from analysis.trial_folder import read_json

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


def against_plan(frame: pd.DataFrame, study: Path | None) -> list[CostRow]:
    """Returns a row for each line and (m_z, n_c): trials, planned and actual minutes, and shares.

    They are minutes of one worker, for training and measuring; shares are relative to the largest
    number. `planned` is None without a plan.
    """
    plan = (read_json(study / PLAN) if study else None) or {}
    listed = plan.get("trials")
    hours = {k: v.get("hours") for k, v in listed.items()} if isinstance(listed, dict) else {}
    if "seconds" not in frame:
        return []
    last = frame.drop_duplicates("key", keep="last")
    last = last[last["state"] == "done"]
    took = last["seconds"].astype(float) + [_measuring(study, key) for key in last["key"]]
    planned = pd.Series([hours.get(key) for key in last["key"]], last.index, dtype=float) * 60
    table = last.assign(took=took / 60, planned=planned)
    rows: list[CostRow] = []
    for line in order(table["line"]):
        for place, own in groups(table[table["line"] == line], ["m_z", "n_c"], dropna=False):
            m_z, n_c = map(_whole, place)
            known = own["planned"].notna().all()
            minutes = float(own["planned"].sum()) if known else None
            took_here, count = float(own["took"].sum()), len(own)
            rows.append({"line": line, "m_z": m_z, "n_c": n_c, "trials": count,
                         "planned": minutes, "took": took_here})  # fmt: skip
    most = max((max(row["took"], row["planned"] or 0.0) for row in rows), default=0.0) or 1.0
    for row in rows:
        row |= {"share_took": row["took"] / most, "share_planned": (row["planned"] or 0.0) / most}
    return rows


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _measuring(study: Path | None, key: str) -> float:
    """Returns the seconds of measuring in the trial's done.json, 0 if it has none."""
    if study is None:
        return 0.0
    profile = (read_json(study.parent / "trials" / key / "done.json") or {}).get("profile")
    value = profile.get("measuring") if isinstance(profile, dict) else None
    return float(value) if isinstance(value, int | float) else 0.0


def profiles(about: dict[str, object]) -> list[LaunchTimes]:
    """Returns for each launch with a profile its start, wall time, trials and parts of time."""
    found: list[LaunchTimes] = []
    for launch in launches_of(about):
        profile = launch.get("profile")
        if not isinstance(profile, dict) or not isinstance(profile.get("parts"), dict):
            continue
        parts = {PARTS.get(n, n): s for n, s in sorted(profile["parts"].items(), key=_place)}
        found.append({
            "started": launch.get("started"), "parts": parts, "wall": profile.get("wall"),
            "trials": profile.get("trials"), "training": profile.get("training"),
            "width": profile.get("width"),
        })  # fmt: skip
    return found


def _place(part: tuple[str, float]) -> int:
    return list(PARTS).index(part[0]) if part[0] in PARTS else len(PARTS)
