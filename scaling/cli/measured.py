"""Refuses a study that asks trials for an epoch which they have passed without measuring it.

A model cannot be trained back: the row of another epoch would stand for the one that is requested.
"""

from collections.abc import Sequence
from functools import partial

from scaling.cli.study_trials import StudyTrials
from scaling.errors import UsageError
from scaling.storage import checkpoints
from scaling.storage.parallel import mapped
from scaling.storage.rows import Row, last_epoch
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder

End = tuple[str, int]  # a trial's key, and the epoch of which it needs a row
SHOWN = 4  # measured epochs that are listed on each side of the requested one


def check_measured(study_trials: StudyTrials, store: Store, epochs: int) -> None:
    """Raises UsageError if a trial was trained further than requested, without a row there.

    `epochs` are those of the command. The sentence names the epochs at which such trials have rows,
    and those numbers of epochs that all trials of the study have or can still reach.
    """
    ends = [*dict.fromkeys(study_trials.ends(store))]
    passed = [end for end in mapped(partial(_has_passed, store), ends) if end]
    if not passed:
        return
    key, end = passed[0]
    alike = dict.fromkeys(name for name, other in passed if other == end)
    more = f" and {len(alike) - 1} more" if alike.keys() - {key} else ""
    raise UsageError(
        f"{key}{more} cannot go back to epoch {end}, which was not measured. "
        f"{_near(store.folder(key).rows(), end)}. {_advice(ends, store, end, epochs)}"
    )


def _has_passed(store: Store, end: End) -> End | None:
    """Returns the trial's key and epoch if it was trained further and has no row there, else None.

    A row that `done.json` lists but that is lost will be measured again.
    """
    key, epoch = end
    folder = store.folder(key)
    if _reached(folder) <= epoch:
        return None
    listed = {row["epoch"] for row in folder.rows()} | {*(folder.done() or {}).get("rows", [])}
    return None if epoch in listed else end


def _reached(folder: TrialFolder) -> int:
    """Returns the epoch of the last row, or of a checkpoint that a killed trial saved after it."""
    measured = last_epoch(folder.path / "rows.jsonl")
    killed = (folder.path / checkpoints.NEWEST).exists() and folder.done() is None
    return max([measured, *(checkpoints.epochs(folder.path) if killed else ())])


def _near(rows: Sequence[Row], end: int) -> str:
    """Lists the epochs with rows in a sentence, without those far from the requested one."""
    if not rows:
        return "There are no rows yet"
    below = [row["epoch"] for row in rows if row["epoch"] < end]
    above = [row["epoch"] for row in rows if row["epoch"] > end]
    shown = [
        *(["..."] if below[SHOWN:] else []),
        *map(str, [*below[-SHOWN:], *above[:SHOWN]]),
        *([f"... {above[-1]}"] if above[SHOWN:] else []),
    ]
    return f"There are rows of epoch{'s' * (len(rows) > 1)} {', '.join(shown)}"


def _advice(ends: Sequence[End], store: Store, end: int, epochs: int) -> str:
    """Says what to type: other epochs if the command chose these, else another folder."""
    other = "another --results folder"
    if end != epochs:  # a diffusion model of the preset, or a rung of a search
        return f"Give {other}, or the flags with which they were trained."
    asked = [store.folder(key) for key, each in ends if each == epochs]
    known = [({row["epoch"] for row in folder.rows()}, _reached(folder)) for folder in asked]
    every = sorted(set().union(*(rows | {reached} for rows, reached in known)) - {0})
    good = [e for e in every if all(e in rows or e >= reached for rows, reached in known)]
    chosen = {max((e for e in good if e < end), default=0), min(e for e in good if e > end)}
    typed = [f"--epochs {epoch}" for epoch in sorted({*chosen, good[-1]} - {0})]
    return f"Give {' or '.join(typed)}, or {other}."
