"""Plans the pools of a study: their size, and the hours to sample what is missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scaling.planning.costs import image_bytes, sampling_work, test_images, train_images
from scaling.planning.fit import gpu_share, micro_batch
from scaling.planning.sharing import gpu_hours
from scaling.planning.speeds import Speeds
from scaling.pools.room import fits, local_store_bytes
from scaling.storage.contents import PoolRowJson
from scaling.trial import Trial
from scaling.trial.schedule import Scheduled, chunks_of


@dataclass(frozen=True)
class PoolRow:
    """Describes a pool; `fits` is True if all pools and data sets fit the object store."""

    pool: str
    k: int
    bytes: int
    left_bytes: int
    hours: float  # hours to sample what is missing
    gpus: float
    store_bytes: int
    fits: bool

    @property
    def gpu_hours(self) -> float:
        """Returns the hours that a GPU spends on sampling."""
        return gpu_hours(self.hours, self.gpus)

    def to_dict(self) -> PoolRowJson:
        """Returns the JSON form."""
        return {
            "pool": self.pool,
            "k": self.k,
            "bytes": self.bytes,
            "left_bytes": self.left_bytes,
            "hours": self.hours,
            "gpus": self.gpus,
            "store_bytes": self.store_bytes,
            "fits": self.fits,
        }


def pool_rows(
    scheduled: Sequence[Scheduled],
    speeds: Speeds,
    sampled: Callable[[str], int],
    pool_k: int,
    is_left: Callable[[Scheduled], bool] = lambda item: True,
) -> list[PoolRow]:
    """Returns the pools of the trials, in the order in which trials read them.

    `sampled` returns the number of images that a pool has; `pool_k` chunks are sampled from a
    model whose samples no trial reads. Nothing is sampled for a trial unless `is_left`.
    """
    models = {item.pool: item.trial for item in scheduled if item.pool}
    readers: dict[str, list[Trial]] = {name: [] for name in models if pool_k}
    waiting: dict[str, list[Trial]] = {}
    for item in scheduled:
        if name := item.trial.reads_pool:
            readers.setdefault(name, []).append(item.trial)
            if is_left(item):
                waiting.setdefault(name, []).append(item.trial)
    sizes = {name: _size(trials or [models[name]], pool_k) for name, trials in readers.items()}
    store = local_store_bytes()
    needed = sum(size for _, _, size in sizes.values()) + _data_bytes(scheduled)
    rows = []
    for name, (k, images, size) in sizes.items():
        wanted = waiting.get(name) or ([] if readers[name] else [models[name]])
        target = _size(wanted, pool_k)[1] if wanted and name in models else 0
        left = max(0, target - sampled(name)) if target else 0
        hours, gpus = _sampling(models[name], left, speeds) if left else (0.0, 0.0)
        left_bytes = left * size // images
        rows.append(PoolRow(name, k, size, left_bytes, hours, gpus, store, fits(needed, store)))
    return rows


def _size(readers: Sequence[Trial], pool_k: int) -> tuple[int, int, int]:
    """Returns chunks, images and bytes of a pool that these trials read, or that of a model."""
    k = max(chunks_of(trial) if trial.reads_pool else pool_k for trial in readers)
    images = k * train_images(readers[0])
    return k, images, images * image_bytes(readers[0])


def _data_bytes(scheduled: Sequence[Scheduled]) -> int:
    """Returns the bytes of the complete data sets, training, validation and test images."""
    trials: Mapping[str, Trial] = {item.trial.dataset: item.trial for item in scheduled}
    return sum(image_bytes(trial) * _images(trial) for trial in trials.values())


def _images(trial: Trial) -> int:
    return train_images(trial) + test_images(trial)


def _sampling(model: Trial, images: int, speeds: Speeds) -> tuple[float, float]:
    """Returns the hours to draw `images` samples and the share of a GPU that sampling needs."""
    machine = speeds.machine
    seconds = machine.seconds(model, sampling_work(model, images, machine.device))
    share = gpu_share(model, machine, (), micro_batch(model, machine))
    return speeds.factor(model) * seconds / 3600, share
