"""Pools through Ray: chunks sampled as tasks, and shared through the object store.

The driver owns what it puts; trials get the references at run time, by the pool's name, never in
a configuration. Where a pool does not fit the object store, trials map its files instead.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import (
    GetTimeoutError,
    ObjectLostError,
    OwnerDiedError,
    RayError,
    RayTaskError,
)

from scaling.checked import UsageError
from scaling.cluster import connect
from scaling.cluster.watchdog import DAY, Note, Watchdog
from scaling.data.datasets import Dataset, load
from scaling.data.pool import Pool
from scaling.data.pool_build import create, missing, record, write_chunk
from scaling.data.pool_spec import PoolSpec
from scaling.store import Store
from scaling.trial import DiffusionTrial
from scaling.wanted import pool_name

STORE_SHARE = 0.6  # of the object store, at most, goes to pools and data sets
GET_SECONDS = 120
TOLD_SECONDS = 15  # between two lines of progress
SAMPLER = {"name": "Heun", "steps": 18, "sigma_min": 0.002, "sigma_max": 80.0, "rho": 7.0}


@dataclass(frozen=True)
class Chunks:
    """What a trial reads of a pool: references into the object store, or files."""

    path: Path
    root: Path
    checksums: Mapping[int, str]
    refs: Sequence[Any] = ()

    def read(self, index: int) -> np.ndarray:
        """Chunk `index`, read-only and shared; from its file where the store has lost it."""
        if self.refs:
            try:
                return ray.get(self.refs[index], timeout=GET_SECONDS)
            except (OwnerDiedError, ObjectLostError, GetTimeoutError):
                pass
        return Pool.load(self.path, self.root).read(index)


def share(
    pools: Mapping[str, Pool],
    k: Mapping[str, int],
    data_bytes: int,
    told: Callable[[str], None] = lambda line: None,
) -> dict[str, Chunks]:
    """The first k chunks of each pool: in the object store if all of them fit, else as files."""
    room = STORE_SHARE * ray.cluster_resources().get("object_store_memory", 0.0)
    need = data_bytes + sum(k[name] * pool.chunk_bytes for name, pool in pools.items())
    fits = need <= room
    if not fits:
        told(
            f"The pools' {need / 1e6:,.0f} MB do not fit in the {room / 1e6:,.0f} MB that they may "
            "take of the object store: trials map the files instead"
        )
    shared = {}
    for name, pool in pools.items():
        checksums = {index: pool.chunks[index] for index in range(k[name])}
        refs = tuple(ray.put(np.asarray(pool.read(i))) for i in checksums) if fits else ()
        shared[name] = Chunks(pool.path, pool.root, checksums, refs)
    return shared


@dataclass(frozen=True)
class Order:
    """A pool to be made: of which model, at which epoch, with how many chunks."""

    spec: PoolSpec
    trial: DiffusionTrial
    k: int


def build(store: Store, order: Order, told: Callable[[str], None], timeout: float = DAY) -> None:
    """Samples the pool's missing chunks in parallel; finished ones are never sampled again.

    A chunk that takes longer than `timeout` seconds has hung. Raises UsageError where the model has
    no checkpoint of the epoch, and for chunks that could not be sampled when all others are there.
    """
    path = store.pool(order.spec.name)
    create(path, order.spec)
    left = missing(path, order.k)
    if not left:
        return
    model = str(order.spec.model)
    if not any(s["epoch"] == order.spec.epochs for s in store.folder(model).load_checkpoints()):
        raise UsageError(
            f"No pool can be sampled: the diffusion model {model} has no checkpoint of epoch "
            f"{order.spec.epochs}. What reads that pool is left out."
        )
    for index in left:
        _note(path, index).forget()
    tasks = {_sample.remote(store.root, order, index, timeout): index for index in left}
    failed: list[str] = []
    told_at = time.monotonic()
    while tasks:
        (ready,), _ = ray.wait(list(tasks), num_returns=1)
        index = tasks.pop(ready)
        try:
            record(path, {index: ray.get(ready)})
        except RayTaskError as error:
            failed.append(f"chunk {index} failed: {error.cause}")
        except RayError as error:
            failed.append(f"chunk {index} failed: {type(error).__name__}")
        if not tasks or time.monotonic() - told_at > TOLD_SECONDS:
            told_at = time.monotonic()
            done = len(left) - len(tasks) - len(failed)
            told(f"pool {order.spec.name}: {order.k} chunks, {done} of {len(left)} sampled now")
    if failed:
        more = f", and {len(failed) - 1} more" if failed[1:] else ""
        raise UsageError(f"Sampling {failed[0]}{more}. The same command samples what is missing.")


def build_alone(store: Store, order: Order, address: str) -> None:
    """Samples a pool in a Ray session of its own."""
    with connect.logged_to(store.root / "pools" / "ray.log"):
        try:
            connect.connect(address)
            build(store, order, print)
        finally:
            ray.shutdown()


def _note(pool: Path, index: int) -> Note:
    return Note(pool / f".chunk-{index:05d}-hung")


@ray.remote(num_cpus=1, max_retries=2)
def _sample(root: Path, order: Order, index: int, timeout: float) -> str:
    """One chunk, in a process that ends where it hangs; returns the file's SHA-256."""
    import torch

    torch.set_num_threads(1)
    note = _note(Store(root).pool(order.spec.name), index)
    note.heed()
    with Watchdog(note, timeout, "chunk"):
        return _write(Store(root), order, index)


def _write(store: Store, order: Order, index: int) -> str:
    """One chunk, image by image from its own seed."""
    from scaling.runs.diffusion import sample_images

    spec = order.spec
    states = store.folder(str(spec.model)).load_checkpoints()
    state = next(state for state in states if state["epoch"] == spec.epochs)
    images = sample_images(order.trial, state, spec.seeds(index), spec.shape, spec.levels)
    return write_chunk(store.pool(spec.name), index, images)


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
