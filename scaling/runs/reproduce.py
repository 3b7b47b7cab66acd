"""Trains a finished trial again from the start and compares its rows with the earlier ones.

On a CPU, with the same code, versions and number of threads, all numbers are equal bit by bit.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from scaling.data.datasets import Dataset
from scaling.data.sources import ReadChunk
from scaling.errors import UsageError
from scaling.pools.pool import Pool
from scaling.runs.execute import Job, execute
from scaling.storage.contents import Done
from scaling.storage.provenance import made_by
from scaling.storage.rows import Row
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Trial

TIMING = ("seconds", "images_per_s")  # columns that differ from run to run


@dataclass(frozen=True)
class Mismatch:
    """Describes a column that differs: number of epochs, the first of them, both values there."""

    column: str
    epochs: int
    first: int
    before: object
    now: object
    largest: float | None  # largest relative difference of numbers over all epochs


@dataclass(frozen=True)
class Reproduction:
    """Holds the result of the comparison.

    It lists the columns that differ, those that a run alone does not measure (costly metrics), and
    the number of rows compared.
    """

    mismatches: list[Mismatch]
    not_measured: list[str]
    rows: int
    lacking: list[int]  # epochs with an earlier row and without a new one
    circumstances: dict[str, tuple[object, object]]  # before and now, where they differ


def reproduce(store: Store, name: str, data: Dataset, device: str) -> Reproduction:
    """Trains the trial with this key again in a temporary folder, which is removed afterwards.

    Raises UsageError for a trial that is not finished, or whose samples no longer exist.
    """
    folder = store.folder(name)
    trial, done, before = folder.trial(), folder.done() or {}, folder.rows()
    if done.get("state") != "done" or not before:
        raise UsageError(
            f"{name} is not finished, so there is nothing to compare with. "
            "Run its study again: it continues where it stopped."
        )
    epochs = int(done["epoch"])
    before = [row for row in before if row["epoch"] <= epochs]
    read, checksums = _samples(store, trial)
    threads = torch.get_num_threads()
    torch.set_num_threads(int(done.get("threads", threads)))
    try:
        with tempfile.TemporaryDirectory(prefix="again-") as home:
            copy = TrialFolder(Path(home) / name)
            copy.create(trial)
            job = _job(trial, epochs, [row["epoch"] for row in before], done, device)
            execute(copy, data, job, lambda row: None, read, checksums)
            now, ended = copy.rows(), copy.done() or {}
    finally:
        torch.set_num_threads(threads)
    return compared(before, now, circumstances(done, {**made_by(), **ended}))


def _job(trial: Trial, epochs: int, measured: Sequence[int], done: Done, device: str) -> Job:
    """Makes a job that measures all epochs with rows, and as few others as possible."""
    with_rows = set(measured)
    every = max((n for n in with_rows if _fits(trial, epochs, n, with_rows)), default=epochs)
    rest = [epoch for epoch in measured if not trial.is_measured(epoch, epochs, every)]
    micro = done.get("micro_batch") if trial.accumulates else None
    return Job(epochs, every, device=device, kept_epochs=tuple(rest), micro_batch=micro)


def _fits(trial: Trial, epochs: int, every: int, measured: set[int]) -> bool:
    """Returns True if every epoch that this interval would measure has a row."""
    regular = {e for e in range(1, epochs + 1) if trial.is_measured(e, epochs, every)}
    return regular <= measured


def _samples(store: Store, trial: Trial) -> tuple[ReadChunk | None, Mapping[int, str]]:
    """Returns the reader of the trial's pool and its checksums; None and {} without a pool."""
    if trial.reads_pool is None:
        return None, {}
    pool = Pool.open(store.pool(trial.reads_pool), store.root / "pools")
    return pool.read, pool.chunks


def circumstances(before: Done, now: Done) -> dict[str, tuple[object, object]]:
    """Returns the differences in code, PyTorch, threads, device and host of two `done.json`."""
    sides = [_facts(done) for done in (before, now)]
    names = dict.fromkeys([*sides[0], *sides[1]])
    return {
        name: (sides[0].get(name, "unknown"), sides[1].get(name, "unknown"))
        for name in names
        if sides[0].get(name) != sides[1].get(name)
    }


def _facts(done: Done) -> dict[str, object]:
    code = done.get("code")
    code_facts: Mapping[str, object] = code if isinstance(code, dict) else {}
    facts = {f"code {n}": code_facts.get(n) for n in ("version", "commit", "dirty", "sha256")}
    facts |= {name: done.get(name) for name in ("torch", "threads", "device", "host")}
    return {name: fact for name, fact in facts.items() if fact is not None}


def compared(
    before: Sequence[Row], now: Sequence[Row], differing: dict[str, tuple[object, object]]
) -> Reproduction:
    """Compares the rows of two runs column by column, without the columns of time."""
    old, new = ({row["epoch"]: row for row in rows} for rows in (before, now))
    both = sorted(old.keys() & new.keys())
    measured = {name for row in now for name in row}
    names = dict.fromkeys(name for row in before for name in row if name not in TIMING)
    mismatches = [_mismatch(n, old, new, both) for n in names if n in measured]
    return Reproduction(
        mismatches=[mismatch for mismatch in mismatches if mismatch],
        not_measured=[name for name in names if name not in measured],
        rows=len(both),
        lacking=sorted(old.keys() - new.keys()),
        circumstances=differing,
    )


def _mismatch(
    name: str, old: Mapping[int, Row], new: Mapping[int, Row], epochs: Sequence[int]
) -> Mismatch | None:
    pairs = {e: (old[e].get(name), new[e].get(name)) for e in epochs}
    unlike = {e: pair for e, pair in pairs.items() if pair[0] != pair[1]}
    if not unlike:
        return None
    first = min(unlike)
    return Mismatch(name, len(unlike), first, *unlike[first], _largest(list(unlike.values())))


def _largest(pairs: Sequence[tuple[object, object]]) -> float | None:
    """Returns the largest difference, relative to the larger of the two numbers, or None."""
    sizes = [
        abs(x - y) / max(abs(x), abs(y))
        for x, y in pairs
        if isinstance(x, int | float) and isinstance(y, int | float)
    ]
    return max(sizes, default=None)
