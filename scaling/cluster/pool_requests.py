"""Makes the requests for samples of diffusion models: of which model, how many, of which shape."""

from pathlib import Path

from scaling.cluster.sampling_progress import PoolRequest
from scaling.data.datasets import Dataset, load
from scaling.data.partition import train_images
from scaling.errors import UsageError
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial
from scaling.trial.keys import data_name
from scaling.trial.schedule import pool_name

SAMPLER = {"name": "Heun", "steps": 18, "sigma_min": 0.002, "sigma_max": 80.0, "rho": 7.0}


def sampler_of(trial: DiffusionTrial) -> dict[str, object]:
    """Returns the sampler's settings for `pool.json`: noise levels, and the network's precision.

    The precision is that of the model's training, and is omitted if it is float32.
    """
    precision = {} if trial.precision == "float32" else {"precision": trial.precision}
    return SAMPLER | precision


def pool_request(
    name: str, trial: DiffusionTrial, key: str, epochs: int, k: int, data: Dataset
) -> PoolRequest:
    """Makes the request for k chunks of samples of a diffusion trial, shaped like its data set."""
    spec = PoolSpec(
        name=name,
        dataset=data_name(trial),
        levels=data.levels,
        shape=tuple(int(n) for n in data.train.shape[1:]),
        images_per_chunk=train_images(data, trial.part),
        model=key,
        epochs=epochs,
        sampler=sampler_of(trial),
        source="sampled from the diffusion trial",
    )
    return PoolRequest(spec, trial, k)


def request_for_model(
    store: Store, key: str, k: int, data_root: Path | None = None, offline: bool = False
) -> PoolRequest:
    """Makes the request for k chunks of a model's newest epoch; UsageError without checkpoint."""
    trial = _model(store, key)
    state = next(iter(store.folder(key).load_checkpoints()), None)
    if state is None:
        raise UsageError(f"The diffusion model {key} has no checkpoint. Run its study first.")
    name = pool_name(trial, state["epoch"])
    data = load(trial.dataset, data_root, offline)
    return pool_request(name, trial, key, state["epoch"], k, data)


def request_for_pool(store: Store, pool: Pool, k: int) -> PoolRequest:
    """Makes the request for k chunks in total of a pool; UsageError if that was imported."""
    if pool.spec.model is None:
        advice = pool.spec.how_to_get_chunks(k, pool.root)
        raise UsageError(f"The pool {pool.name} was imported. {advice}")
    return PoolRequest(pool.spec, _model(store, pool.spec.model), k)


def _model(store: Store, key: str) -> DiffusionTrial:
    trial = store.folder(key).trial()
    if not isinstance(trial, DiffusionTrial):
        raise UsageError(f"{key} is not a diffusion model. The keys of those contain -edm-.")
    return trial
