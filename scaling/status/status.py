"""Reads the state of a study from disk, without writing anything or disturbing a trial.

Files are read only as far as necessary: for a trial in the plan, `done.json` and its rows, of one
that is not done only the end of these.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from scaling.errors import UsageError, did_you_mean, to_type
from scaling.errors import listed as in_a_row
from scaling.status.activity import PLAN, Activity, read_now
from scaling.status.listed import FAILED, RUNNING, SHOWN, STATES, Listed, Seen, listed
from scaling.storage.formats import read_versioned
from scaling.storage.lock import holder_of
from scaling.storage.rows import last_epoch
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Trial


class StatusJson(TypedDict):
    """Describes a study's state, as `status --json` prints it."""

    study: str
    preset: str
    counts: dict[str, int]
    launch: dict[str, object] | None  # the fields of an Activity
    lock: str
    trials: list[dict[str, object]]  # the fields of a Listed and of a Seen


NAMES = Listed.__dataclass_fields__.keys()


@dataclass(frozen=True)
class Status:
    """Holds the state of a study: its trials, how far each one is, and its launch's activity."""

    study: str
    preset: str
    trials: Mapping[str, Listed]
    seen: Mapping[str, Seen]
    activity: Activity | None = None  # None if no launch of this study runs
    owner: str = ""  # a sentence on who holds the lock of the results folder

    @property
    def counts(self) -> dict[str, int]:
        """Returns the number of trials in each state."""
        by_state = Counter(seen.state for seen in self.seen.values())
        return {state: by_state[state] for state in STATES}

    def to_dict(self) -> StatusJson:
        """Returns the JSON form: a list of trials, the launch, the lock."""
        rows = [self.trials[key].to_dict() | vars(seen) for key, seen in self.seen.items()]
        return {
            "study": self.study,
            "preset": self.preset,
            "counts": self.counts,
            "launch": vars(self.activity) if self.activity else None,
            "lock": self.owner,
            "trials": rows,
        }


def studies(root: Path) -> list[str]:
    """Returns the names of the studies in a results folder; the last one was launched last."""
    files = list(root.glob("*/study.json"))
    return [file.parent.name for file in sorted(files, key=lambda f: (f.stat().st_mtime, f))]


def find(path: Path, study: str | None) -> tuple[Path, list[str]]:
    """Returns the results folder and the names of the studies that the user means.

    `path` is a results folder, or a study's folder. Raises UsageError if there is no such study.
    """
    if study is None and (path / "study.json").is_file():
        return path.absolute().parent, [path.absolute().name]
    if not path.is_dir():
        raise UsageError(
            f"{path} is not a folder. Give the results folder: {to_type('status', 'DIR')}"
        )
    names = studies(path)
    if not names:
        raise UsageError(
            f"{path} contains no study yet. Launch one: {to_type('study', 'double_descent')}"
        )
    if study is None:
        return path, names
    if study not in names:
        near = did_you_mean(study, names)
        raise UsageError(f"{path} contains no study {study!r}. {near}Known: {in_a_row(names)}.")
    return path, [study]


def read(root: Path, study: str) -> Status:
    """Reads a study of a results folder; raises UsageError if its study.json lists no trials."""
    store = Store(root)
    folder = store.study(study)
    study_file = read_versioned(folder / "study.json") or {}
    recorded = study_file.get("trials")
    entries = recorded if isinstance(recorded, dict) else {}
    epochs = {key: e["epochs"] for key, e in entries.items() if _has_epochs(e)}
    if not isinstance(recorded, dict) or len(epochs) < len(recorded):
        raise UsageError(
            f"{folder / 'study.json'} is damaged or lists no trials. Run the study again."
        )
    trials = _listed(store, folder, epochs)
    seen = {key: glance(store.folder(key), trial.epochs) for key, trial in trials.items()}
    owner, activity = _activity(root, folder)
    for key in activity.running if activity else ():
        if key in seen and seen[key].state != "done":
            seen[key] = replace(seen[key], state=RUNNING, error="")
    return Status(study, str(study_file.get("preset", "")), trials, seen, activity, owner)


def _has_epochs(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("epochs"), int)


def _listed(store: Store, folder: Path, epochs: Mapping[str, int]) -> dict[str, Listed]:
    """Lists the trials as plan.json does; trials that are not in it, from their own files."""
    planned = (read_versioned(folder / PLAN) or {}).get("trials")
    rows = planned if isinstance(planned, dict) else {}
    planned_trials = {}
    for key in epochs.keys() & rows.keys():
        with suppress(TypeError, AttributeError):  # a damaged entry: the trial's own file counts
            fields = {name: v for name, v in rows[key].items() if name in NAMES}
            planned_trials[key] = Listed(**fields | {"epochs": epochs[key]})
    if len(planned_trials) == len(epochs):
        return {key: planned_trials[key] for key in epochs}
    others: dict[str, Trial] = {}
    for key in epochs:
        with suppress(UsageError):  # a damaged folder, or one that needs a module
            others[key] = store.folder(key).trial()
    trials = listed(others, dict(epochs)) | planned_trials
    return {key: trials.get(key) or _unknown(key, epochs[key]) for key in epochs}


def _unknown(key: str, epochs: int) -> Listed:
    return Listed(key, f"unreadable: {key}", None, None, None, 0, epochs)


def glance(folder: TrialFolder, epochs: int) -> Seen:
    """Returns how far a trial of `epochs` epochs is, from `done.json` and its rows.

    The state equals that of `TrialFolder.state`, which reads every row of every trial.
    """
    done, rows = folder.done(), None
    if done and done["state"] == "done":  # each of its rows must be there
        rows = folder.rows()
        reached = rows[-1]["epoch"] if rows else 0
    else:
        reached = last_epoch(folder.path / "rows.jsonl")
    state = SHOWN[folder.state_at(epochs, done, reached, rows)]
    return Seen(state, reached, str((done or {}).get("error") or "") if state == FAILED else "")


def _activity(root: Path, folder: Path) -> tuple[str, Activity | None]:
    """Returns a sentence on who holds the lock, and what that launch does to this study."""
    holder, lives = holder_of(root)
    if not holder:
        return "No launch runs on this folder.", None
    who = f"process {holder.get('pid')} on {holder.get('host')}"
    left = read_now(folder)
    is_its_study = left is not None and left[0] == holder.get("id")
    if lives is False:
        return f"The last launch, {who}, has died; the same command continues it.", None
    if lives is None:
        who += f", which cannot be seen from here (its count is at {holder.get('beat')})"
    if not is_its_study or left is None:
        return f"{who} holds the lock, for another study, or before its first trial.", None
    _, activity, age = left
    if lives and activity.left_seconds is not None:
        activity.left_seconds = max(0.0, activity.left_seconds - age)
        activity.seconds += age
    return f"{who} runs this study; its last sign of life was {age:.0f} s ago.", activity
