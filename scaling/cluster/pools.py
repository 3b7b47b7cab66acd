"""Checks the pools of a launch before it starts, samples missing ones, and judges them."""

from collections.abc import Callable, Mapping

import numpy as np

from scaling.cluster import sampling
from scaling.cluster.object_store import Chunks, put_pools
from scaling.cluster.pool_requests import pool_request
from scaling.cluster.request import Request
from scaling.cluster.sampling_progress import PoolRequest
from scaling.cluster.session import Session
from scaling.data.datasets import Dataset
from scaling.data.partition import divided, train_images
from scaling.errors import UsageError
from scaling.pools.build import missing
from scaling.pools.pool import Pool
from scaling.pools.quality import IMAGES, describe
from scaling.pools.spec import read_record
from scaling.storage.files import read_json, write_json
from scaling.storage.store import Store
from scaling.trial import Data, DiffusionTrial, Trial, data_of
from scaling.trial.keys import data_name
from scaling.trial.schedule import chunks_of


def pool_requests(request: Request, data: Mapping[Data, Dataset]) -> dict[str, PoolRequest]:
    """Returns, by name, the pools that this launch samples from its own diffusion models."""
    requests = {}
    for planned in request.trials.values():
        scheduled, trial = planned.scheduled, planned.trial
        if (pool := scheduled.pool) and isinstance(trial, DiffusionTrial):
            users = (chunks_of(reader) for _, name, reader in request.pool_users() if name == pool)
            k = max(users, default=request.pool_k)
            part = data[data_of(trial)]
            requests[pool] = pool_request(pool, trial, scheduled.key, scheduled.epochs, k, part)
    return requests


def check(request: Request, data: Mapping[Data, Dataset]) -> None:
    """Raises UsageError for an existing pool that its trials cannot read."""
    ours = pool_requests(request, data)
    for _, pool, trial in request.pool_users():
        if pool not in ours or (request.store.pool(pool) / "pool.json").exists():
            k = None if pool in ours else chunks_of(trial)
            existing = _open(request, pool)
            existing.check_for(*_images(data[data_of(trial)], trial), k)
            for index in range(k or 0):
                existing.read(index)  # checks header and size; checksums are compared once Ray runs


def check_same_samples(store: Store, key: str, trial: Trial) -> None:
    """Raises UsageError if the trial was trained on other samples than its pool now contains."""
    pool = trial.reads_pool
    if not pool:
        return
    used = (store.folder(key).done() or {}).get("chunks")
    if not isinstance(used, dict) or not (store.pool(pool) / "pool.json").exists():
        return
    _, now = read_record(store.pool(pool))
    other = [i for i, digest in used.items() if now.get(int(i), digest) != digest]
    if other:
        raise UsageError(
            f"The trial {key} was trained on other samples than {pool} now contains (chunk "
            f"{other[0]}). Put the earlier ones back, or give another --results."
        )


def lacking(request: Request, data: Mapping[Data, Dataset]) -> list[str]:
    """Returns the pools of this launch that are not yet sampled, or not yet judged."""
    return [
        name
        for name, pool in pool_requests(request, data).items()
        if pool.k and (_is_missing(request, name, pool.k) or not _is_judged(request, name))
    ]


def provide(
    session: Session,
    request: Request,
    data: Mapping[Data, Dataset],
    gpu_shares: Mapping[str, float],
) -> dict[str, Chunks]:
    """Returns the pools that trials read, sampling missing ones; reports those that fail.

    `gpu_shares` are by trial key: sampling uses the GPU share of the model's training.
    """
    ours = {name: pool for name, pool in pool_requests(request, data).items() if pool.k}
    k = {name: pool.k for name, pool in ours.items()}
    for _, name, trial in request.pool_users():
        k[name] = max(k.get(name, 1), chunks_of(trial))
    ready: dict[str, Pool] = {}
    samplings = _begun(session, request, ours, gpu_shares)

    def take(name: str, check: Callable[[], None] = lambda: None) -> None:
        try:
            check()
            ready[name] = _checked(request, name, k[name])
            if name in ours:
                _judge(request, ready[name], ours[name].trial, data)
        except UsageError as error:
            session.say(str(error))

    for item in sampling.as_they_are_sampled(session, samplings):
        take(item.request.spec.name, item.check)
    for name in [name for name in k if name not in ours]:
        take(name)
    ready = {name: ready[name] for name in k if name in ready}
    size = sum(part.train.nbytes + part.test.nbytes for part in data.values())
    return put_pools(ready, k, size, session.say, session.client)


def _begun(
    session: Session,
    request: Request,
    ours: Mapping[str, PoolRequest],
    gpu_shares: Mapping[str, float],
) -> list[sampling.Sampling]:
    """Begins to sample the pools, all side by side; reports those without a model."""
    samplings = []
    for pool in ours.values():
        try:
            share = gpu_shares[str(pool.spec.model)]
            samplings.append(sampling.Sampling(session, request.store, pool, share))
        except UsageError as error:
            session.say(str(error))
    return samplings


def _open(request: Request, name: str) -> Pool:
    return Pool.load(request.store.pool(name), request.store.root / "pools")


def _checked(request: Request, name: str, k: int) -> Pool:
    """Returns the pool, after comparing the SHA-256 of its first k chunks."""
    pool = _open(request, name)
    for index in range(k):
        pool.check(index)
    return pool


def _images(data: Dataset, trial: Trial) -> tuple[str, int, tuple[int, ...], int]:
    """Returns what the trial's pool must match: data set, levels, shape, images per chunk."""
    size = train_images(data, trial.part)
    return data_name(trial), data.levels, data.train.shape[1:], size


def _is_missing(request: Request, name: str, k: int) -> bool:
    path = request.store.pool(name)
    return not (path / "pool.json").exists() or bool(missing(path, k))


def _is_judged(request: Request, name: str) -> bool:
    return read_json(request.store.pool(name) / "quality.json") is not None


def _judge(
    request: Request, pool: Pool, trial: DiffusionTrial, data: Mapping[Data, Dataset]
) -> None:
    """Writes `quality.json`, which compares the samples with D_train and the test set."""
    if _is_judged(request, pool.name):
        return
    part = divided(data[data_of(trial)], trial.part)
    needed = range(min(pool.k, -(-IMAGES // pool.spec.images_per_chunk)))
    samples = np.concatenate([pool.read(index) for index in needed])
    quality = describe(samples, part.train, part.test, part.levels)
    write_json(pool.path / "quality.json", quality)
