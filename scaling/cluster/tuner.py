"""Running trials through Ray Tune: a fresh Tuner over what is left, our folders as the state."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune

from scaling.cluster import gpu_memory
from scaling.cluster.keeper import Courier, trial_folder
from scaling.cluster.object_store import Chunks
from scaling.cluster.progress import Progress, ProgressCallback
from scaling.cluster.pulse import Pulse, Vigil
from scaling.cluster.session import Session
from scaling.cluster.watchdog import Report, Watchdog
from scaling.runs.execute import Job, execute
from scaling.storage.carried import CarriedFolder
from scaling.storage.provenance import made_by
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Data, data_of, extensions

MAX_FAILURES = 2
TRIALS_PER_TUNER = 500  # a driver's memory grows with the trials of one Tuner
# Trials shorter than this reuse processes, which start in about 6 s; on GPUs only those of seconds,
# since a reused process keeps GPU memory.
SHORT_TRIAL_HOURS = {"cpu": 1 / 6, "cuda": 1 / 60}


@dataclass(frozen=True)
class FailureNote:
    """Marks a trial as failed, unless another process has finished it."""

    folder: TrialFolder
    epochs: int

    def fail(self, error: str) -> None:
        if self.folder.state(self.epochs) != "done":
            self.folder.fail(error, **made_by())


@dataclass(frozen=True)
class Placement:
    """What each trial gets; `gpus` by key."""

    cpus: float
    gpus: dict[str, float]


@dataclass(frozen=True)
class TrialsToRun:
    """The trials to run, by key in their order: planned hours, jobs; the data that they share.

    Data sets lie in the object store, once per node: references to them are what trials get.
    """

    hours: Mapping[str, float]
    jobs: Mapping[str, Job]
    datasets: Mapping[Data, ray.ObjectRef]


class Launcher:
    """Runs parts of the work; afterwards each trial's folder tells how it ended.

    `staging` is a folder of this host for what Tune writes; nothing reads it back.
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        work: TrialsToRun,
        placement: Placement,
        staging: Path,
        progress: Progress | None = None,
        watch: Sequence[tune.Callback] = (),
    ) -> None:
        self.store, self.work, self.placement, self.staging = store, work, placement, staging
        epochs = {key: job.epochs for key, job in work.jobs.items()}
        self.progress = progress or Progress.of(work.hours, epochs)
        self.session = replace(session, say=self.progress.say, under_way=self._under_way)
        vigil = Vigil(session.courier.keeper, self.progress.say) if session.courier else None
        told = (self._check_caps, self._has, self._failed)
        self.callback = ProgressCallback(self.progress, *told, vigil)
        self.watch, self.tuners = list(watch), 0

    def _check_caps(self, running: set[str]) -> None:
        self.session.limits.check(sum(self.placement.gpus[key] for key in running))
        self.progress.activity.caps = self.session.limits.shown()

    def _under_way(self, name: str, done: int, of: int, unit: str) -> None:
        self.progress.under_way(name, done, of, unit)
        self.progress.activity.caps = self.session.limits.shown()
        self.progress.show()

    def _has(self, key: str) -> str:
        """What of the machine the trial has, in words."""
        gpus = self.placement.gpus[key]
        cpus = f"{self.placement.cpus:g} CPU{'s' * (self.placement.cpus != 1)}"
        return f"{gpus:.2g} GPU, {cpus}" if gpus else cpus

    def _failed(self, key: str) -> str | None:
        """Why the trial failed, where it noted that itself, such as a loss that is not finite."""
        done = self.store.folder(key).done() or {}
        return str(done.get("error")) if done.get("state") == "failed" else None

    def run(self, keys: Sequence[str], pools: Mapping[str, Chunks]) -> None:
        """Runs these trials, several Tuners in turn where they are many; raises CapReached.

        What runs out of memory on a share of a GPU runs once more, alone on one.
        """
        for start in range(0, len(keys), TRIALS_PER_TUNER):
            crowded = self._fit(keys[start : start + TRIALS_PER_TUNER], pools)
            if crowded:
                self.progress.say(
                    f"{len(crowded)} of {len(keys)} trials ran out of memory on a share of a GPU: "
                    "once more, alone on one"
                )
                self.progress.again(crowded)
                self.placement.gpus.update(dict.fromkeys(crowded, 1.0))
                self._fit(crowded, pools)

    def _fit(self, keys: Sequence[str], pools: Mapping[str, Chunks]) -> list[str]:
        """Returns the trials whose share of a GPU was too small."""
        self.tuners += 1
        trainable = tune.with_parameters(
            train,
            root=self.store.root,
            jobs={key: self.work.jobs[key] for key in keys},
            datasets=dict(self.work.datasets),
            pools=dict(pools),
            modules=extensions.loaded(),
            courier=self.session.courier,
        )
        on_gpu = any(self.placement.gpus[key] for key in keys)
        limit = SHORT_TRIAL_HOURS["cuda" if on_gpu else "cpu"]
        short = statistics.median(self.work.hours[key] for key in keys) < limit
        tuner = tune.Tuner(
            tune.with_resources(trainable, partial(_resources, self.placement)),
            param_space={"key": tune.grid_search(list(keys))},
            tune_config=tune.TuneConfig(
                reuse_actors=short, trial_name_creator=_name, trial_dirname_creator=_name
            ),
            run_config=tune.RunConfig(
                name=f"tuner-{self.tuners}",
                storage_path=str(self.staging),
                verbose=0,
                log_to_file=True,
                failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
                callbacks=[self.callback, *self.watch],
            ),
        )
        self.callback.crowded.clear()
        self.callback.errors.clear()
        tuner.fit()
        self.session.limits.still_ours()  # what another launch has taken over is not ours to fail
        for key, error in self.callback.errors.items():
            self._fail(key, error)
        return list(self.callback.crowded)

    def _fail(self, key: str, error: str) -> None:
        """Where the trial's folder cannot be written, that is told here, and the rest goes on."""
        try:
            FailureNote(self.store.folder(key), self.work.jobs[key].epochs).fail(error)
        except OSError as cause:
            self.progress.say(f"Failed: {key}: {error}; nor can that be written: {cause}")


def _resources(placement: Placement, config: dict[str, str]) -> tune.PlacementGroupFactory:
    """What Ray is asked for; no method of the launcher, which is not to be sent to workers."""
    bundle = {"CPU": placement.cpus, "GPU": placement.gpus[config["key"]]}
    return tune.PlacementGroupFactory([{name: n for name, n in bundle.items() if n}])


def _name(trial: Any) -> str:
    return trial.config["key"]


def train(
    config: dict[str, str],
    root: Path,
    jobs: Mapping[str, Job],
    datasets: Mapping[Data, ray.ObjectRef],
    pools: Mapping[str, Chunks],
    modules: Sequence[extensions.Module],
    courier: Courier | None,
) -> None:
    """One trial in a worker process; Ray's configuration holds its key only."""
    extensions.load_all(modules)
    device, share = gpu_memory.placed()
    key = config["key"]
    gpu = (",".join(map(str, ray.get_gpu_ids())), share) if share else None
    job = replace(jobs[key], device=device, gpu=gpu)
    with (
        Pulse(courier.keeper if courier else None, key) as pulse,
        trial_folder(Store(root), key, courier, job.fence) as folder,
    ):
        if isinstance(folder, CarriedFolder):
            job = replace(job, tensorboard=None)  # the driver makes the events from the rows
        report = pulse.timed(lambda row: tune.report({**row}))
        report({"crowded" if _crowded(folder, job, datasets, pools, report) else "finished": True})


def _crowded(
    folder: TrialFolder,
    job: Job,
    datasets: Mapping[Data, ray.ObjectRef],
    pools: Mapping[str, Chunks],
    report: Report,
) -> bool:
    """Trains the trial to its end; True where its share of a GPU was too small."""
    trial, share = folder.trial(), job.gpu[1] if job.gpu else 0.0
    pool = pools.get(trial.reads_pool or "")
    read, checksums = (pool.read, pool.checksums) if pool else (None, {})
    if folder.state(job.epochs) == "failed":  # the watchdog ended the process before this
        return False
    try:
        note = FailureNote(folder, job.epochs)
        with Watchdog(note, job.hung_after_s, "epoch") as watchdog:
            data = ray.get(datasets[data_of(trial)])
            beaten = watchdog.beats_in(report)
            execute(folder, data, job, beaten, read, checksums, watchdog.beat)
    except (RuntimeError, MemoryError) as error:
        if not gpu_memory.ran_out(error):
            raise
        if 0 < share < 1:
            return True
        text = gpu_memory.sentence(trial, job.device, job.micro_batch)
        folder.fail(text, **made_by())
    return False
