"""The checkpoints of a trial's folder: the newest, the one before it, and those kept for later.

Only tensors and plain values are read back (`weights_only`), never a pickle's code.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scaling.storage.files import atomic

NEWEST, PREVIOUS = "checkpoint.pt", "checkpoint.prev.pt"
KEPT = "checkpoint.epoch{}.pt"


def save(folder: Path, state: dict[str, Any]) -> bool:
    """Puts the state in place of the newest, which is kept as the previous.

    Returns False, and writes nothing, where the state there is of a higher epoch: a late writer
    never replaces newer state.
    """
    if any(there["epoch"] > state["epoch"] for there in load(folder)):
        return False
    _write(folder / ".checkpoint.new.pt", state)
    put_newest(folder, folder / ".checkpoint.new.pt")
    return True


def put_newest(folder: Path, written: Path) -> None:
    """Puts a file that is on disk in place of the newest state, which becomes the previous."""
    newest = folder / NEWEST
    if newest.exists():
        os.replace(newest, folder / PREVIOUS)
    os.replace(written, newest)


def load(folder: Path) -> Iterator[dict[str, Any]]:
    """The newest and the previous state, where they can be read; tensors are mapped, not read."""
    for name in (NEWEST, PREVIOUS):
        state = _read(folder / name)
        if state is not None:
            yield state


def keep(folder: Path, state: dict[str, Any]) -> None:
    """Keeps the epoch's model beside the newest state, for metrics or samples made later.

    Of a diffusion model that is its averaged weights.
    """
    drop = {"optimizer", "model"} if "averaged" in state else {"optimizer"}
    model = {name: value for name, value in state.items() if name not in drop}
    _write(folder / KEPT.format(state["epoch"]), model)


def kept_epochs(folder: Path) -> list[int]:
    """The epochs whose models were kept on purpose, in order."""
    names = [re.fullmatch(KEPT.format(r"(\d+)"), path.name) for path in folder.glob("*.pt")]
    return sorted(int(name[1]) for name in names if name)


def epochs(folder: Path) -> list[int]:
    """The epochs of which a state can be read, in order; some are where a kill happened to be."""
    return sorted({*kept_epochs(folder), *(state["epoch"] for state in load(folder))})


def at(folder: Path, epoch: int) -> dict[str, Any] | None:
    """The state of that epoch."""
    states = [*load(folder), _read(folder / KEPT.format(epoch))]
    return next((state for state in states if state and state["epoch"] == epoch), None)


def _write(path: Path, state: dict[str, Any]) -> None:
    import torch

    with atomic(path) as stream:
        try:
            torch.save(state, stream)
        except RuntimeError as error:  # of torch's writer, which goes on after the disk's error
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def _read(path: Path) -> dict[str, Any] | None:
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # a damaged or foreign file raises many kinds; the previous one is next
        return None
    return state if isinstance(state, dict) and isinstance(state.get("epoch"), int) else None
