"""Samples pools from diffusion models, one Ray task per chunk, on GPUs if there are any."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError

from scaling.cluster import gpu_memory
from scaling.cluster.gpu_tasks import GpuTask
from scaling.cluster.keeper import KeeperClient, pool_folder
from scaling.cluster.limits import Caps, Limits, as_they_end
from scaling.cluster.sampling_progress import PoolRequest, SamplingProgress
from scaling.cluster.session import Session, connected
from scaling.cluster.watchdog import Note, Watchdog
from scaling.errors import Unfinished, UsageError
from scaling.pools.build import (
    create,
    drop_parts,
    in_parts,
    record,
    settle,
    write_chunk,
)
from scaling.storage import checkpoints
from scaling.storage.lock import Lock
from scaling.storage.store import Store
from scaling.trial import extensions

CROWDED = (
    "pool {}: {} chunks ran out of memory on a share of a GPU: they are sampled once more, each "
    "alone on one"
)


class Sampling:
    """Samples a pool's missing chunks in tasks that run from now on; finished ones are kept.

    Each task has `gpu_share` of a GPU. Chunks for which that is too small a memory are `crowded`:
    `again_alone` samples them on a GPU each. Raises UsageError if the model has no checkpoint of
    the epoch.
    """

    def __init__(
        self, session: Session, store: Store, request: PoolRequest, gpu_share: float
    ) -> None:
        self.session, self.request, self.gpu_share = session, request, gpu_share
        self.store, self.path = store, store.pool(request.spec.name)
        self.failed: list[str] = []  # why chunks could not be sampled
        self.crowded: list[int] = []  # chunks that ran out of memory on a share of a GPU
        create(self.path, request.spec)
        left = settle(self.path, request.k)
        if left:
            _check_model(store, request)
        self.tasks = self._begun(left)  # of the chunks that are not recorded yet

    def _begun(self, chunks: Sequence[int]) -> dict[ray.ObjectRef, int]:
        """Begins a task for each chunk."""
        for index in chunks:
            _note(self.path, index).forget()
        task = _sample.options(num_gpus=self.gpu_share)
        shared = (self.session.hung_after_s, extensions.loaded(), self.session.client)
        begin = partial(task.remote, self.store.root, self.request)
        return {begin(index, *shared): index for index in chunks}

    def again_alone(self) -> None:
        """Begins to sample the crowded chunks once more, each alone on a GPU."""
        self.session.say(CROWDED.format(self.request.spec.name, len(self.crowded)))
        chunks, self.crowded, self.gpu_share = self.crowded, [], 1.0
        self.tasks = self._begun(chunks)

    @cached_property
    def progress(self) -> SamplingProgress:
        """Returns the progress of the pool, whose time counts from the first use."""
        return SamplingProgress(self.path, self.request, self.session.say)

    def show(self) -> None:
        """Shows how far the pool is, and prints a line if it is time for one."""
        self.progress.show()
        self.session.under_way(*self.progress.reached())

    def record(self, task: ray.ObjectRef) -> None:
        """Records the chunk of a task that has ended, or why there is none."""
        index = self.tasks.pop(task)
        error = _recorded(self.path, index, task)
        if 0 < self.gpu_share < 1 and isinstance(error, Exception) and gpu_memory.ran_out(error):
            self.crowded.append(index)
        elif error is not None:
            self.failed.append(f"chunk {index} failed: {error}")
        if not self.tasks:
            self.progress.line()
            self.session.under_way(*self.progress.reached())

    def check(self) -> None:
        """Raises Unfinished if a chunk could not be sampled."""
        if self.failed:
            more = f", and {len(self.failed) - 1} more" if self.failed[1:] else ""
            raise Unfinished(
                f"Sampling {self.failed[0]}{more}. The same command samples what is missing."
            )


def as_they_are_sampled(session: Session, samplings: Sequence[Sampling]) -> Iterator[Sampling]:
    """Yields the pools as all their tasks have ended; the tasks of all of them run side by side.

    Chunks that run out of memory on a share of a GPU are sampled once more after all others, each
    alone on one. Raises CapReached at a cap.
    """
    yield from (item for item in samplings if not item.tasks)
    owners = {task: item for item in samplings for task in item.tasks}

    def look(gpus: float) -> None:
        session.limits.check(gpus)
        next(item for item in samplings if item.tasks).show()

    for task in as_they_end({task: item.gpu_share for task, item in owners.items()}, look):
        owners[task].record(task)
        if not (owners[task].tasks or owners[task].crowded):
            yield owners[task]
    crowded = [item for item in samplings if item.crowded]
    for item in crowded:
        item.again_alone()
    if crowded:
        yield from as_they_are_sampled(session, crowded)


def build_pool(session: Session, store: Store, request: PoolRequest, gpu_share: float) -> None:
    """Samples one pool; raises Unfinished, once all other chunks are there, if some failed."""
    for item in as_they_are_sampled(session, [Sampling(session, store, request, gpu_share)]):
        item.check()


def _check_model(store: Store, request: PoolRequest) -> None:
    folder = store.folder(str(request.spec.model))
    if checkpoints.at(folder.path, request.spec.epochs or 0) is None:
        raise UsageError(
            f"No samples can be drawn: the diffusion model {folder.key} has no checkpoint of epoch "
            f"{request.spec.epochs}, it is at {folder.reached()}. Trials that read the pool are "
            "skipped: give another --results DIR, or an existing pool, --set source.pool=NAME."
        )


def _recorded(path: Path, index: int, task: ray.ObjectRef) -> Exception | str | None:
    """Records a sampled chunk; returns what its task has raised, if anything.

    That is the name of Ray's error if the process died.
    """
    try:
        record(path, {index: ray.get(task)})
        drop_parts(path, index)  # which workers on blind nodes have sent
    except RayTaskError as error:
        return error.cause or type(error).__name__
    except RayError as error:
        return type(error).__name__
    return None


def build_alone(
    store: Store,
    request: PoolRequest,
    address: str,
    lock: Lock,
    hung_after_s: float,
    cpus: int | None = None,
) -> None:
    """Samples a pool in a Ray session of its own, on whole GPUs if there are any."""
    log, limits = store.root / "pools" / "ray.log", Limits(Caps(), lock.check)
    with connected(address, store.root, log, limits, hung_after_s, cpus=cpus) as session:
        build_pool(session, store, request, min(1.0, session.cluster.gpus))


def _note(pool: Path, index: int) -> Note:
    return Note(pool / f".chunk-{index:05d}-hung")


@GpuTask
def _sample(
    root: Path,
    request: PoolRequest,
    index: int,
    hung_after_s: float,
    modules: Sequence[extensions.Module],
    client: KeeperClient | None,
) -> str:
    """Samples one chunk in a process that ends itself if it hangs; returns the file's SHA-256."""
    extensions.load_all(modules)
    device, _ = gpu_memory.placed()
    with pool_folder(Store(root), request.spec, index, client) as (store, upload):
        (note := _note(store.pool(request.spec.name), index)).heed()
        with Watchdog(note, hung_after_s, "part of a chunk") as watchdog:
            return _write(store, request, index, device, (watchdog.beat, upload))


def _write(
    store: Store, request: PoolRequest, index: int, device: str, at_part: Sequence[Callable]
) -> str:
    """Samples one chunk, each image from its own seed; calls `at_part` before each part."""
    from scaling.runs.diffusion import sample_images

    spec, path = request.spec, store.pool(request.spec.name)
    arithmetic = (spec.sampler or {}).get("precision", "float32")
    state = checkpoints.at(store.folder(str(spec.model)).path, spec.epochs or 0)
    if state is None:
        raise UsageError(f"the diffusion model {spec.model} has no checkpoint of {spec.epochs}")

    def sample(seeds: Sequence[int]) -> np.ndarray:
        for listen in at_part:
            listen()
        images = (seeds, spec.shape, spec.levels)
        return sample_images(request.trial, state, *images, device, arithmetic)

    digest = write_chunk(path, index, in_parts(path, index, sample))
    drop_parts(path, index)
    return digest
