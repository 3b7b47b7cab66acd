"""Refuses a study that needs a row of an epoch which trials have passed without measuring it.

A trained model has no way back to an earlier epoch, and the row of another epoch is no substitute.
"""

from collections.abc import Sequence
from functools import partial

from scaling.cli.study_trials import StudyTrials
from scaling.errors import UsageError
from scaling.storage.parallel import mapped
from scaling.storage.rows import last_epoch
from scaling.storage.store import Store

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
    at_this_end = dict.fromkeys(name for name, other in passed if other == end)
    rows = [row["epoch"] for row in store.folder(key).rows()]
    more = f" and {len(at_this_end) - 1} more" if at_this_end.keys() - {key} else ""
    raise UsageError(
        f"{key}{more} cannot go back to epoch {end}, which was not measured. "
        f"There are rows of {_near(rows, end)}. {_advice(ends, store, end, epochs)}"
    )


def _has_passed(store: Store, end: End) -> End | None:
    """Returns the trial's key and epoch if it was trained further and has no row there, else None.

    A row that `done.json` lists but that is lost will be measured again.
    """
    key, epoch = end
    folder = store.folder(key)
    if last_epoch(folder.path / "rows.jsonl") <= epoch:
        return None
    listed = {row["epoch"] for row in folder.rows()} | {*(folder.done() or {}).get("rows", [])}
    return None if epoch in listed else end


def _near(rows: Sequence[int], end: int) -> str:
    """Lists the epochs with rows, without those far from the requested one."""
    below = [epoch for epoch in rows if epoch < end]
    above = [epoch for epoch in rows if epoch > end]
    parts = [
        *(["..."] if below[SHOWN:] else []),
        *map(str, [*below[-SHOWN:], *above[:SHOWN]]),
        *([f"... {above[-1]}"] if above[SHOWN:] else []),
    ]
    return f"epoch{'s' * (len(rows) > 1)} {', '.join(parts)}"


def _advice(ends: Sequence[End], store: Store, end: int, epochs: int) -> str:
    """Says what to type: other epochs if the command chose these, else another folder."""
    other = "another --results folder"
    if end != epochs:  # a diffusion model of the preset, or a rung of a search
        return f"Give {other}, or the flags with which they were trained."
    folders = [store.folder(key) for key, final in ends if final == epochs]
    rows = [{row["epoch"] for row in folder.rows()} for folder in folders]
    every = sorted(set().union(*rows))
    good = [e for e in every if all(e in own or e >= max(own, default=0) for own in rows)]
    chosen = {max((e for e in good if e < end), default=0), min(e for e in good if e > end)}
    flags = [f"--epochs {epoch}" for epoch in sorted({*chosen, good[-1]} - {0})]
    return f"Give {' or '.join(flags)}, or {other}."
