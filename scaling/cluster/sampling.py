"""Pools sampled from diffusion models: chunks as Ray tasks, on GPUs where there are any."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError

from scaling.cluster import checks, connect, session
from scaling.cluster import gpu_memory as memory
from scaling.cluster.limits import Caps, Limits, Look, as_they_end
from scaling.cluster.progress import duration
from scaling.cluster.watchdog import Note, Watchdog
from scaling.data.datasets import Dataset, load
from scaling.errors import UsageError
from scaling.pools.build import (
    create,
    drop_parts,
    in_parts,
    missing,
    record,
    sampled_images,
    write_chunk,
)
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from scaling.storage import checkpoints
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial
from scaling.trial.schedule import pool_name

TOLD_SECONDS = 15, 300  # between two lines of progress: at least, and at most
SAMPLER = {"name": "Heun", "steps": 18, "sigma_min": 0.002, "sigma_max": 80.0, "rho": 7.0}


@dataclass(frozen=True)
class Order:
    """A pool to be made: of which model, at which epoch, with how many chunks."""

    spec: PoolSpec
    trial: DiffusionTrial
    k: int


def build(
    store: Store,
    order: Order,
    told: Callable[[str], None],
    look: Look,
    share: float,
    timeout: float,
) -> None:
    """Samples the pool's missing chunks in parallel; finished ones are never sampled again.

    Each task has the `share` of a GPU. A part of a chunk that takes longer than `timeout` seconds
    has hung. Raises UsageError where the model has no checkpoint of the epoch, and for chunks that
    could not be sampled when all others are there.
    """
    path = store.pool(order.spec.name)
    create(path, order.spec)
    left = missing(path, order.k)
    if not left:
        return
    _check_model(store, order)
    for index in left:
        _note(path, index).forget()
    task = _sample.options(num_gpus=share)
    tasks = {task.remote(store.root, order, index, timeout): index for index in left}
    told_of = _Told(path, order, told)

    def heard(gpus: float) -> None:
        look(gpus)
        told_of.look()

    ends = as_they_end(dict.fromkeys(tasks, share), heard)
    failed = [why for task in ends if (why := _recorded(path, tasks[task], task))]
    told_of.line()
    if failed:
        more = f", and {len(failed) - 1} more" if failed[1:] else ""
        raise UsageError(f"Sampling {failed[0]}{more}. The same command samples what is missing.")


def _check_model(store: Store, order: Order) -> None:
    folder = store.folder(str(order.spec.model))
    if checkpoints.at(folder.path, order.spec.epochs or 0) is None:
        raise UsageError(
            f"No pool can be sampled: the diffusion model {folder.key} has no checkpoint of epoch "
            f"{order.spec.epochs}, it is at {folder.reached()}. What reads that pool is left out: "
            "give another --results DIR, or a pool that is there, --set source.pool=NAME."
        )


def _recorded(path: Path, index: int, task: ray.ObjectRef) -> str:
    """Records a chunk that is sampled; says why one could not be."""
    try:
        record(path, {index: ray.get(task)})
    except RayTaskError as error:
        return f"chunk {index} failed: {error.cause}"
    except RayError as error:
        return f"chunk {index} failed: {type(error).__name__}"
    return ""


class _Told:
    """Lines of progress: when there are more images, not too often, and now and then."""

    def __init__(self, path: Path, order: Order, told: Callable[[str], None]) -> None:
        self.path, self.order, self.told = path, order, told
        self.begun = self.told_at = time.monotonic()
        self.first = self.last = sampled_images(path, order.k)
        self.total = order.k * order.spec.images_per_chunk

    def look(self) -> None:
        """A line where it is time."""
        least, most = TOLD_SECONDS
        since = time.monotonic() - self.told_at
        if since > most or (since > least and sampled_images(self.path, self.order.k) > self.last):
            self.line()

    def line(self) -> None:
        """`pool NAME: 2,048 of 3,000 images sampled, about 4 min left`."""
        self.told_at, self.last = time.monotonic(), sampled_images(self.path, self.order.k)
        new, left = self.last - self.first, self.total - self.last
        after = f", about {duration((self.told_at - self.begun) * left / new)} left" if new else ""
        done = f"{self.last:,} of {self.total:,} images sampled"
        self.told(f"pool {self.order.spec.name}: {done}{after if left else ''}")


def build_alone(store: Store, order: Order, address: str, lock: Path, timeout: float) -> None:
    """Samples a pool in a Ray session of its own, on whole GPUs where there are any."""
    with session.logged_to(store.root / "pools" / "ray.log"):
        try:
            cluster = connect.connect(address)
            if cluster.nodes > 1:
                checks.check_shared(store.root)
            share = min(1.0, cluster.gpus)
            say, look = functools.partial(print, flush=True), Limits(Caps(), lock).look
            build(store, order, say, look, share, timeout)
        finally:
            ray.shutdown()


def _note(pool: Path, index: int) -> Note:
    return Note(pool / f".chunk-{index:05d}-hung")


@ray.remote(num_cpus=1, max_retries=2)
def _sample(root: Path, order: Order, index: int, timeout: float) -> str:
    """One chunk, in a process that ends where it hangs; returns the file's SHA-256."""
    device, _ = memory.placed()
    note = _note(Store(root).pool(order.spec.name), index)
    note.heed()
    with Watchdog(note, timeout, "part of a chunk") as watchdog:
        return _write(Store(root), order, index, device, watchdog.hear)


def _write(store: Store, order: Order, index: int, device: str, sampled: Callable[[], None]) -> str:
    """One chunk, image by image from its own seed."""
    from scaling.runs.diffusion import sample_images

    spec, path = order.spec, store.pool(order.spec.name)
    state = checkpoints.at(store.folder(str(spec.model)).path, spec.epochs or 0)
    if state is None:
        raise UsageError(f"the diffusion model {spec.model} has no checkpoint of {spec.epochs}")

    def sample(seeds: Sequence[int]) -> np.ndarray:
        sampled()
        return sample_images(order.trial, state, seeds, spec.shape, spec.levels, device)

    digest = write_chunk(path, index, in_parts(path, index, sample))
    drop_parts(path, index)
    return digest


def order_of(
    name: str, trial: DiffusionTrial, key: str, epochs: int, k: int, data: Dataset
) -> Order:
    """The order for the samples of a diffusion trial, in the shape of its data set's images."""
    size = trial.train_size if trial.train_size is not None else len(data.train)
    spec = PoolSpec(
        name=name,
        dataset=trial.dataset,
        levels=data.levels,
        shape=tuple(int(n) for n in data.train.shape[1:]),
        images_per_chunk=size,
        model=key,
        epochs=epochs,
        sampler=SAMPLER,
        source="sampled from the diffusion trial",
    )
    return Order(spec, trial, k)


def order_of_model(
    store: Store, key: str, k: int, data_root: Path | None = None, offline: bool = False
) -> Order:
    """The order for k chunks of a trained diffusion model, at its newest epoch."""
    trial = _model(store, key)
    state = next(iter(store.folder(key).load_checkpoints()), None)
    if state is None:
        raise UsageError(f"The diffusion model {key} has no checkpoint. Run its study first.")
    name = pool_name(trial, state["epoch"])
    data = load(trial.dataset, data_root, offline)
    return order_of(name, trial, key, state["epoch"], k, data)


def order_of_pool(store: Store, pool: Pool, k: int) -> Order:
    """The order for k chunks in all of a pool that was sampled here."""
    if pool.spec.model is None:
        raise UsageError(f"The pool {pool.name} was imported. {pool.spec.how_to_mend(k)}")
    return Order(pool.spec, _model(store, pool.spec.model), k)


def _model(store: Store, key: str) -> DiffusionTrial:
    trial = store.folder(key).trial()
    if not isinstance(trial, DiffusionTrial):
        raise UsageError(f"{key} is no diffusion model. Its name has -edm- in it.")
    return trial
