"""The pools of a launch: checked before it starts, sampled where they are missing, judged."""

from collections.abc import Callable, Mapping

import numpy as np

from scaling.cluster import object_store as chunks
from scaling.cluster import sampling
from scaling.cluster.limits import Look
from scaling.cluster.request import Request
from scaling.data import datasets
from scaling.data.datasets import Dataset
from scaling.errors import UsageError
from scaling.pools.build import missing
from scaling.pools.pool import Pool
from scaling.pools.quality import describe
from scaling.storage.files import read_json, write_json
from scaling.trial import Data, DiffusionTrial, Trial, data_of
from scaling.trial.schedule import chunks_of, pool_name

QUALITY_IMAGES = 10_000  # samples that a pool is judged by, at most


def orders(request: Request, data: Mapping[Data, Dataset]) -> dict[str, sampling.Order]:
    """The pools that this launch's own diffusion trials are to be sampled into, by name."""
    made = {}
    for name, wanted in request.wanted.items():
        if isinstance(wanted.trial, DiffusionTrial):
            pool = pool_name(wanted.trial, wanted.epochs)
            users = (chunks_of(t) for _, p, t in request.pool_users() if p == pool)
            k = max(users, default=request.pool_k)
            part = data[data_of(wanted.trial)]
            made[pool] = sampling.order_of(pool, wanted.trial, name, wanted.epochs, k, part)
    return made


def check(request: Request, data: Mapping[Data, Dataset]) -> None:
    """Raises UsageError for a pool that is there and that its trials cannot read."""
    ours = orders(request, data)
    for _, pool, trial in request.pool_users():
        if pool not in ours or (request.store.pool(pool) / "pool.json").exists():
            k = None if pool in ours else chunks_of(trial)
            there = _open(request, pool)
            there.check_for(*_images(data[data_of(trial)], trial), k)
            for index in range(k or 0):
                there.read(index)  # header and size; the checksums follow beside Ray


def lacking(request: Request, data: Mapping[Data, Dataset]) -> list[str]:
    """The pools of this launch that are not sampled yet, or not judged."""
    return [
        name
        for name, order in orders(request, data).items()
        if order.k and (_missing(request, name, order.k) or not _judged(request, name))
    ]


def provide(
    request: Request,
    data: Mapping[Data, Dataset],
    shares: Mapping[str, float],
    told: Callable[[str], None],
    look: Look,
) -> dict[str, chunks.Chunks]:
    """The pools that are asked for, made where they are missing; one that cannot be is told.

    `shares` are of a GPU, by trial: a model is sampled on what it was trained on.
    """
    limit = request.row_timeout * 60
    ours = {name: order for name, order in orders(request, data).items() if order.k}
    k = {name: order.k for name, order in ours.items()}
    for _, pool, trial in request.pool_users():
        k[pool] = max(k.get(pool, 1), chunks_of(trial))
    ready: dict[str, Pool] = {}
    for name in k:
        try:
            if name in ours:
                share = shares[str(ours[name].spec.model)]
                sampling.build(request.store, ours[name], told, look, share, limit)
            ready[name] = _checked(request, name, k[name])
            if name in ours:
                _judge(request, ready[name], ours[name].trial, data)
        except UsageError as error:
            told(str(error))
    size = sum(part.train.nbytes + part.test.nbytes for part in data.values())
    return chunks.share(ready, k, size, told)


def _open(request: Request, name: str) -> Pool:
    return Pool.load(request.store.pool(name), request.store.root / "pools")


def _checked(request: Request, name: str, k: int) -> Pool:
    """The pool, the SHA-256 of its first k chunks compared."""
    pool = _open(request, name)
    for index in range(k):
        pool.check(index)
    return pool


def _images(data: Dataset, trial: Trial) -> tuple[str, int, tuple[int, ...], int]:
    """What a pool must hold for the trial: data set, levels, shape, images in a chunk."""
    size = len(data.train) if trial.train_size is None else trial.train_size
    return trial.dataset, data.levels, data.train.shape[1:], size


def _missing(request: Request, name: str, k: int) -> bool:
    path = request.store.pool(name)
    return not (path / "pool.json").exists() or bool(missing(path, k))


def _judged(request: Request, name: str) -> bool:
    return read_json(request.store.pool(name) / "quality.json") is not None


def _judge(
    request: Request, pool: Pool, trial: DiffusionTrial, data: Mapping[Data, Dataset]
) -> None:
    """Writes `quality.json`: the samples beside D_train and the test set."""
    if _judged(request, pool.name):
        return
    part = datasets.split(data[data_of(trial)], trial.train_size, trial.split)
    needed = range(min(pool.k, -(-QUALITY_IMAGES // pool.spec.images_per_chunk)))
    samples = np.concatenate([pool.read(index) for index in needed])
    quality = describe(samples, part.train, part.test, part.levels, QUALITY_IMAGES)
    write_json(pool.path / "quality.json", quality)
