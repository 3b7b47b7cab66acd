"""Writes what a launch is doing into its study's folder: `plan.json` and `now.json`.

Both are for readers only: no launch reads them back to decide anything, and a disk that refuses
them stops nothing.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scaling.status.listed import Listed
from scaling.storage.contents import PlanJson
from scaling.storage.formats import FORMAT, read_versioned
from scaling.trial.validation import Changes

PLAN, NOW = "plan.json", "now.json"
WRITE_SECONDS = 2.0  # minimum time between two versions of now.json


@dataclass
class Activity:
    """Holds what a launch is doing. `work` maps a pool or the metrics to [done, total, unit]."""

    phase: str = "starting Ray"
    seconds: float = 0.0  # since the launch began
    left_seconds: float | None = None  # None if unknown
    running: dict[str, str] = field(default_factory=dict)  # key -> its CPUs and GPU share
    work: dict[str, list[Any]] = field(default_factory=dict)
    caps: dict[str, list[float]] = field(default_factory=dict)  # flag -> hours used, hours allowed
    retried: dict[str, int] = field(default_factory=dict)  # key -> attempts that failed


class Notes:
    """Writes plan.json and now.json of a launch; `launch` is the id in its lock."""

    def __init__(self, folder: Path, launch: str) -> None:
        self.folder, self.launch = folder, launch
        self.written = float("-inf")

    def plan(self, trials: Iterable[Listed], plan: PlanJson, width: int) -> None:
        """Writes plan.json, keeping what an earlier launch planned for trials that are done."""
        path = self.folder / PLAN
        earlier = (read_versioned(path) or {}).get("trials")
        earlier = earlier if isinstance(earlier, dict) else {}
        costs: dict[str, Mapping[str, object]]
        costs = {row["key"]: row for row in plan.get("trials", ())}
        listed = {}
        for trial in trials:
            entry = trial.to_dict() | {n: costs.get(trial.key, {}).get(n) for n in COSTS}
            before = earlier.get(trial.key) or {}
            old_costs = {n: before[n] for n in KEPT if n in before}
            listed[trial.key] = entry if trial.left else entry | old_costs
        rest = {name: value for name, value in plan.items() if name != "trials"}
        _write(path, {"launch": self.launch, "width": width, **rest, "trials": listed})

    @property
    def are_due(self) -> bool:
        """Is True if it is time for a new now.json."""
        return time.monotonic() - self.written >= WRITE_SECONDS

    def now(self, activity: Activity, at_once: bool = False) -> None:
        """Writes now.json if it is time to."""
        if at_once or self.are_due:
            self.written = time.monotonic()
            _write(self.folder / NOW, {"launch": self.launch} | asdict(activity))

    def end(self) -> None:
        """Removes now.json, since nothing runs any more."""
        with suppress(OSError):
            (self.folder / NOW).unlink(missing_ok=True)


# copied from a row of the plan
COSTS = ("parameters", "flops", "memory_bytes", "context_bytes", "disk_bytes")
KEPT = (*COSTS, "hours", "gpus", "begun")


def read_now(folder: Path) -> tuple[str, Activity, float] | None:
    """Returns the launch, its activity, and the age of that in seconds; None without now.json."""
    path = folder / NOW
    values = read_versioned(path)
    try:
        age = max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None
    if values is None:
        return None
    names = Activity.__dataclass_fields__
    fields: Changes = {name: value for name, value in values.items() if name in names}
    return str(values.get("launch")), Activity(**fields), age


def _write(path: Path, value: Mapping[str, object]) -> None:
    """Writes JSON that appears whole or not at all, without waiting for the disk."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        try:
            aside.write_text(json.dumps({"format": FORMAT, **value}))
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
