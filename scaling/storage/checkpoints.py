"""Saves and loads a trial's checkpoints: the newest, the one before it, and models kept for later.

Only tensors and plain values are loaded (`weights_only`), so that no pickled code is ever run.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scaling.storage.files import atomic

# The state of a run: its epoch, and the `state_dict` of each network and optimizer. Also that of
# such a part. What it contains depends on the kind of run and, below, on PyTorch.
State = dict[str, Any]
NEWEST, PREVIOUS = "checkpoint.pt", "checkpoint.prev.pt"
KEPT = "checkpoint.epoch{}.pt"


def save(folder: Path, state: State) -> bool:
    """Saves the state as the newest checkpoint; the old one becomes the previous.

    Returns False, and saves nothing, if an existing checkpoint is from a later epoch: a process
    that writes late never replaces newer state.
    """
    if any(there["epoch"] > state["epoch"] for there in load(folder)):
        return False
    _write(folder / ".checkpoint.new.pt", state)
    put_newest(folder, folder / ".checkpoint.new.pt")
    return True


def put_newest(folder: Path, written: Path) -> None:
    """Renames a written file to the newest checkpoint; the old one becomes the previous."""
    newest = folder / NEWEST
    if newest.exists():
        os.replace(newest, folder / PREVIOUS)
    os.replace(written, newest)


def load(folder: Path) -> Iterator[State]:
    """Yields the newest and the previous state if readable; tensors are memory-mapped."""
    for name in (NEWEST, PREVIOUS):
        state = _read(folder / name)
        if state is not None:
            yield state


def keep(folder: Path, state: State) -> None:
    """Saves the model of the state's epoch to its own file, for metrics or samples made later.

    For a diffusion model these are its averaged weights.
    """
    drop = {"optimizer", "model"} if "averaged" in state else {"optimizer"}
    model = {name: value for name, value in state.items() if name not in drop}
    _write(folder / KEPT.format(state["epoch"]), model)


def kept_epochs(folder: Path) -> list[int]:
    """Returns the epochs whose models `keep` has saved, in ascending order."""
    names = [re.fullmatch(KEPT.format(r"(\d+)"), path.name) for path in folder.glob("*.pt")]
    return sorted(int(name[1]) for name in names if name)


def epochs(folder: Path) -> list[int]:
    """Returns all epochs with a readable state, ascending: kept models and checkpoints alike."""
    return sorted({*kept_epochs(folder), *(state["epoch"] for state in load(folder))})


def at(folder: Path, epoch: int) -> State | None:
    """Returns the state of the epoch, or None if there is none that can be read."""
    states = [*load(folder), _read(folder / KEPT.format(epoch))]
    return next((state for state in states if state and state["epoch"] == epoch), None)


def _write(path: Path, state: State) -> None:
    import torch

    with atomic(path) as stream:
        try:
            torch.save(state, stream)
        except RuntimeError as error:  # PyTorch's writer hides the disk's error behind its own
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def _read(path: Path) -> State | None:
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # a damaged file raises many kinds of error; the caller tries the next
        return None
    return state if isinstance(state, dict) and isinstance(state.get("epoch"), int) else None
