"""Measures costly metrics from kept models, in Ray tasks that fill the missing cells of rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import ray
from ray.exceptions import RayError, RayTaskError

from scaling.cluster import gpu_memory
from scaling.cluster.gpu_tasks import GpuTask
from scaling.cluster.keeper import KeeperClient, trial_folder
from scaling.cluster.limits import Caps, Limits, as_they_end
from scaling.cluster.mps import shared_gpus
from scaling.cluster.session import Session, connected
from scaling.cluster.watchdog import Note, Watchdog
from scaling.data.datasets import Dataset
from scaling.data.partition import divided
from scaling.errors import UsageError
from scaling.metrics import compute, find
from scaling.runs.same_data import check_same_data
from scaling.storage import checkpoints
from scaling.storage.lock import Fence, Lock
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Data, VaeTrial, data_of, extensions
from scaling.trial.hardware import has_gpu
from scaling.trial.placement import check_placement
from scaling.trial.schedule import MetricSettings

CROWDED = (
    "{} of them ran out of memory on a share of a GPU: they are measured once more, each alone on "
    "one"
)

Load = Callable[[str, str], Dataset]


@dataclass(frozen=True)
class Cells:
    """Lists the metrics to measure for one trial, by epoch, with their settings."""

    key: str
    metrics: Mapping[int, tuple[str, ...]]
    options: MetricSettings


def missing_cells(
    store: Store,
    name: str,
    metrics: Sequence[str],
    epochs: Iterable[int] | None = None,
    options: MetricSettings = MappingProxyType({}),
) -> Cells | None:
    """Returns the trial's missing metrics at these epochs, or None if nothing is missing.

    By default the epochs are those whose models were kept, and the last one of a finished trial.
    Other checkpoints are ignored: they depend on when a launch was interrupted and differ from seed
    to seed.
    """
    folder = store.folder(name)
    readable = set(checkpoints.epochs(folder.path))
    if epochs is None:
        last = [done["epoch"]] if (done := folder.done()) else []
        epochs = [*checkpoints.kept_epochs(folder.path), *last]
    measurable = readable & set(epochs)
    lacking: dict[int, tuple[str, ...]] = {}
    for row in folder.rows():
        if row["epoch"] in measurable:
            absent = tuple(m for m in metrics if not set(find(m).COLUMNS) & row.keys())
            lacking |= {row["epoch"]: absent} if absent else {}
    return Cells(name, lacking, options) if lacking else None


def without_model(store: Store, name: str, metrics: Sequence[str], epochs: Iterable[int]) -> bool:
    """Returns True if one of these metrics can never be measured.

    That is so at an epoch that the trial has passed without keeping its model.
    """
    folder = store.folder(name)
    kept, rows = set(checkpoints.epochs(folder.path)), {row["epoch"]: row for row in folder.rows()}
    passed = [epoch for epoch in epochs if epoch <= folder.reached() and epoch not in kept]
    columns = [set(find(metric).COLUMNS) for metric in metrics] if passed else []
    return any(not names & rows.get(epoch, {}).keys() for epoch in passed for names in columns)


def fill(
    session: Session,
    store: Store,
    cells: Sequence[Cells],
    data: Mapping[Data, Dataset],
    gpu_shares: Mapping[str, float],
    fence: Fence | None = None,
) -> list[str]:
    """Measures the cells, one task per trial; returns one line for each trial that failed.

    `gpu_shares` are by key. A task that measures no epoch for `session.hung_after_s` is ended. One
    that runs out of memory on a share of a GPU runs once more, alone on one.
    """
    tasks = _begun(session, store, cells, data, gpu_shares, fence)
    failed: list[str] = []
    crowded: list[Cells] = []
    placed = {task: gpu_shares[cell.key] for task, cell in tasks.items()}
    done = 0

    def check(gpus: float) -> None:
        session.limits.check(gpus)
        session.under_way("metrics", done, len(cells), "trials")

    for done, ready in enumerate(as_they_end(placed, check), 1):
        error = _error(ready)
        if 0 < placed[ready] < 1 and isinstance(error, Exception) and gpu_memory.ran_out(error):
            crowded.append(tasks[ready])
        elif error is not None:
            failed.append(f"{tasks[ready].key}: {error}")
        session.under_way("metrics", done, len(cells), "trials")
        if done == len(cells) or done % max(1, len(cells) // 6) == 0:
            session.say(f"metrics: {done}/{len(cells)} trials measured, {len(failed)} failed")
    if crowded:
        session.say(CROWDED.format(len(crowded)))
        failed += fill(session, store, crowded, data, {cell.key: 1.0 for cell in crowded}, fence)
    return failed


def _error(task: ray.ObjectRef) -> Exception | str | None:
    """Returns what a task has raised, the name of Ray's error if its process died, or None."""
    try:
        ray.get(task)
    except RayTaskError as error:
        return error.cause or type(error).__name__
    except RayError as error:
        return type(error).__name__
    return None


def _begun(
    session: Session,
    store: Store,
    cells: Sequence[Cells],
    data: Mapping[Data, Dataset],
    gpu_shares: Mapping[str, float],
    fence: Fence | None,
) -> dict[ray.ObjectRef, Cells]:
    """Begins a task for each trial's cells."""
    refs = {name: ray.put(part) for name, part in data.items()}
    shared = (session.hung_after_s, extensions.loaded(), fence, session.client)
    tasks = {}
    for cell in cells:
        dataset = refs[data_of(store.folder(cell.key).trial())]
        _note(store, cell.key).forget()
        task = _measure.options(num_gpus=gpu_shares[cell.key])
        tasks[task.remote(store.root, cell, dataset, *shared)] = cell
    return tasks


def fill_alone(
    store: Store,
    cells: Sequence[Cells],
    gpu_shares: Mapping[str, float],
    address: str,
    load: Load,
    lock: Lock,
    hung_after_s: float,
    cpus: int | None = None,
) -> list[str]:
    """Measures the cells as `fill` does, in a Ray session of its own.

    `load` reads a data set, given its name as in `data_of`. In a cluster without GPUs no task
    requests one. Trials that share a GPU of this host use NVIDIA's MPS if they can.
    """
    names = {data_of(store.folder(cell.key).trial()) for cell in cells}
    data = {name: load(*name) for name in names}
    log, limits = store.root / "evaluate.log", Limits(Caps(), lock.check)
    shares = address == "local" and has_gpu() and any(0 < s < 1 for s in gpu_shares.values())
    with (
        shared_gpus("auto", shares, store.root / "logs" / "mps", print),
        connected(address, store.root, log, limits, hung_after_s, cpus=cpus) as session,
    ):
        has_gpus = session.cluster.gpus > 0
        placed = {key: share if has_gpus else 0.0 for key, share in gpu_shares.items()}
        check_placement(session.cluster, 1, max(placed.values(), default=0.0))
        return fill(session, store, cells, data, placed, lock.fence)


def _note(store: Store, key: str) -> Note:
    return Note(store.folder(key).path / ".metrics-hung")


@GpuTask
def _measure(
    root: Path,
    cells: Cells,
    data: Dataset,
    hung_after_s: float,
    modules: Sequence[extensions.Module],
    fence: Fence | None,
    client: KeeperClient | None,
) -> None:
    """Measures the cells of one trial, in a process that ends itself if it hangs."""
    extensions.load_all(modules)
    device, _ = gpu_memory.placed()
    note = _note(Store(root), cells.key)
    note.heed()
    with Watchdog(note, hung_after_s, "epoch measured") as watchdog:

        def measured() -> None:
            watchdog.beat()
            if fence:
                fence.check()

        with trial_folder(Store(root), cells.key, client, fence, lambda name: True) as folder:
            _measure_all(folder, cells, data, device, measured)


def _measure_all(
    folder: TrialFolder, cells: Cells, data: Dataset, device: str, measured: Callable[[], None]
) -> None:
    """Measures one epoch after the other; each is on disk before the next begins."""
    from scaling.runs.vae import VaeRun

    trial = folder.trial()
    if not isinstance(trial, VaeTrial):
        raise UsageError(f"{cells.key} is not a VAE. Its metrics are in its rows.")
    part = divided(data, trial.part)
    check_same_data(folder, part)
    run = VaeRun(trial, part, 0, device=device)
    for epoch, metrics in sorted(cells.metrics.items()):
        state = checkpoints.at(folder.path, epoch)
        if state is None:
            raise UsageError(f"{folder.path} has no readable model of epoch {epoch}.")
        run.load_weights(state)
        numbers, arrays = compute(run, metrics, cells.options)
        measured()
        folder.merge_arrays(arrays)
        folder.merge_row(epoch, numbers)  # the last: what has its numbers is not measured again
