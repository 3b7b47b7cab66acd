"""Costly metrics from kept models: Ray tasks that fill just the missing cells of `rows.jsonl`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import ray
from ray.exceptions import RayError, RayTaskError

from scaling import checkpoints
from scaling.checked import UsageError
from scaling.cluster import connect
from scaling.cluster.watchdog import DAY, Note, Watchdog
from scaling.data.datasets import Dataset, split
from scaling.metrics import Options, compute, find
from scaling.store import Store, TrialFolder
from scaling.trial import Data, VaeTrial, data_of

Load = Callable[[str, str], Dataset]


@dataclass(frozen=True)
class Cells:
    """What is to be measured of one trial: metrics by epoch, and with which settings."""

    key: str
    metrics: Mapping[int, tuple[str, ...]]
    options: Options


def missing(
    store: Store,
    name: str,
    metrics: Sequence[str],
    epochs: Iterable[int] | None = None,
    options: Options = MappingProxyType({}),
) -> Cells | None:
    """The trial's cells without a value, at these epochs, or wherever a model is kept."""
    folder = store.folder(name)
    kept = set(checkpoints.epochs(folder.path))
    wanted = kept if epochs is None else kept & set(epochs)
    lacking: dict[int, tuple[str, ...]] = {}
    for row in folder.rows():
        if row["epoch"] in wanted:
            absent = tuple(m for m in metrics if not set(find(m).COLUMNS) & row.keys())
            lacking |= {row["epoch"]: absent} if absent else {}
    return Cells(name, lacking, options) if lacking else None


def fill(
    store: Store,
    cells: Sequence[Cells],
    data: Mapping[Data, Dataset],
    shares: Mapping[str, float],
    told: Callable[[str], None],
    timeout: float = DAY,
) -> list[str]:
    """Measures the cells, a task a trial; returns what went wrong, a line a trial.

    `shares` are of a GPU, by key; a task that measures no epoch for `timeout` seconds has hung.
    """
    refs = {name: ray.put(part) for name, part in data.items()}
    tasks = {}
    for cell in cells:
        dataset = refs[data_of(store.folder(cell.key).trial())]
        _note(store, cell.key).forget()
        placed = _measure.options(num_gpus=shares.get(cell.key, 0.0))
        tasks[placed.remote(store.root, cell, dataset, timeout)] = cell.key
    failed: list[str] = []
    for done in range(1, len(cells) + 1):
        (ready,), _ = ray.wait(list(tasks), num_returns=1)
        key = tasks.pop(ready)
        try:
            ray.get(ready)
        except RayTaskError as error:
            failed.append(f"{key}: {error.cause}")
        except RayError as error:
            failed.append(f"{key}: {type(error).__name__}")
        if done == len(cells) or done % max(1, len(cells) // 6) == 0:
            told(f"metrics: {done}/{len(cells)} trials measured, {len(failed)} failed")
    return failed


def fill_alone(
    store: Store, cells: Sequence[Cells], share: float, address: str, load: Load
) -> list[str]:
    """`fill` in a Ray session of its own; `load` reads a data set as `data_of` names it."""
    names = {data_of(store.folder(cell.key).trial()) for cell in cells}
    data = {name: load(*name) for name in names}
    with connect.logged_to(store.root / "evaluate.log"):
        try:
            connect.connect(address)
            return fill(store, cells, data, dict.fromkeys((c.key for c in cells), share), print)
        finally:
            ray.shutdown()


def _note(store: Store, key: str) -> Note:
    return Note(store.folder(key).path / ".metrics-hung")


@ray.remote(num_cpus=1, max_retries=2)
def _measure(root: Path, cells: Cells, data: Dataset, timeout: float) -> None:
    """The trial's cells, in a process that ends where it hangs."""
    import torch

    torch.set_num_threads(1)
    note = _note(Store(root), cells.key)
    note.heed()
    with Watchdog(note, timeout, "epoch measured") as watchdog:
        _measure_all(Store(root).folder(cells.key), cells, data, watchdog.hear)


def _measure_all(
    folder: TrialFolder, cells: Cells, data: Dataset, measured: Callable[[], None]
) -> None:
    """One epoch after another, each on disk before the next."""
    import torch

    from scaling.runs.vae import VaeRun

    trial = folder.trial()
    if not isinstance(trial, VaeTrial):
        raise UsageError(f"{cells.key} is no VAE. Its metrics are in its rows.")
    on_gpu = bool(ray.get_gpu_ids()) and torch.cuda.is_available()
    part = split(data, trial.train_size, trial.split)
    run = VaeRun(trial, part, 0, device="cuda" if on_gpu else "cpu")
    for epoch, metrics in sorted(cells.metrics.items()):
        state = checkpoints.at(folder.path, epoch)
        if state is None:
            raise UsageError(f"{folder.path} holds no readable model of epoch {epoch}.")
        run.load_weights(state)
        numbers, arrays = compute(run, metrics, cells.options)
        folder.merge_row(epoch, numbers)
        folder.merge_arrays(arrays)
        measured()
