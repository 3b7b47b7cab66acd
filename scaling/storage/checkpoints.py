"""Saves and loads a trial's checkpoints: the newest, the one before it, and models kept for later.

Only tensors and plain values are loaded (`weights_only`), so that no pickled code is ever run.
"""

import os
import pickletools
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from scaling.storage.files import atomic

# The state of a run: its epoch, and the `state_dict` of each network and optimizer. Also that of
# such a part. What it contains depends on the kind of run and, below, on PyTorch.
State = dict[str, Any]
NEWEST, PREVIOUS = "checkpoint.pt", "checkpoint.prev.pt"
KEPT = "checkpoint.epoch{}.pt"
FIRST = 12  # opcodes of a pickle that are scanned for the epoch


def save(folder: Path, state: State) -> bool:
    """Saves the state as the newest checkpoint; the old one becomes the previous.

    Returns False, and saves nothing, if an existing checkpoint is from a later epoch: a process
    that writes late never replaces newer state.
    """
    if any(epoch > state["epoch"] for epoch in _epochs_saved(folder)):
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
    return sorted({*kept_epochs(folder), *_epochs_saved(folder)})


def at(folder: Path, epoch: int) -> State | None:
    """Returns the state of the epoch, or None if there is none that can be read."""
    states = [*load(folder), _read(folder / KEPT.format(epoch))]
    return next((state for state in states if state and state["epoch"] == epoch), None)


def _epochs_saved(folder: Path) -> list[int]:
    """Returns the epochs of the newest and the previous state, as far as they are readable."""
    candidates = [_epoch_of(folder / name) for name in (NEWEST, PREVIOUS)]
    return [epoch for epoch in candidates if epoch is not None]


def _epoch_of(path: Path) -> int | None:
    """Returns the epoch of a state, or None if its file is missing or damaged.

    It is the first entry of the pickle, which is scanned so far without running anything: loading
    a state rebuilds hundreds of tensors.
    """
    if not path.exists():
        return None
    try:
        with ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            codes = islice(pickletools.genops(archive.read(name)), FIRST)
            arguments = [word for code, word, _ in codes if not code.name.endswith("PUT")]
            epoch = arguments[arguments.index("epoch") + 1]
    except (OSError, BadZipFile, zlib.error, ValueError, LookupError, StopIteration):
        epoch = None
    if type(epoch) is int:
        return epoch
    state = _read(path)  # damaged, or not written by `_write`
    return None if state is None else state["epoch"]


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
