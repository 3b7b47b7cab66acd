"""Runs trials through Ray Tune, with a fresh Tuner for what is left; our folders are the state."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune

from scaling.cluster import gpu_memory
from scaling.cluster.bad_hosts import BadHosts
from scaling.cluster.heartbeat import Heartbeat, LostTrials
from scaling.cluster.keeper import KeeperClient, trial_folder
from scaling.cluster.object_store import Chunks
from scaling.cluster.progress import Progress, ProgressCallback
from scaling.cluster.session import Session
from scaling.cluster.watchdog import Report, Watchdog
from scaling.runs.execute import Job, execute
from scaling.storage.mirrored import MirroredFolder
from scaling.storage.provenance import made_by
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import Data, data_of, extensions, machine

MAX_FAILURES = 2
TRIALS_PER_TUNER = 500  # the driver's memory grows with the number of trials in a Tuner
# Trials shorter than this reuse processes, since a new one takes about 6 s to start. On GPUs the
# limit is lower, because a reused process keeps its GPU memory.
SHORT_TRIAL_HOURS = {"cpu": 1 / 6, "cuda": 1 / 60}


@dataclass(frozen=True)
class FailureNote:
    """Marks a trial as failed, unless another process has finished it."""

    folder: TrialFolder
    epochs: int

    def fail(self, error: str) -> None:
        """Writes the error to the trial's `done.json`."""
        if self.folder.state(self.epochs) != "done":
            self.folder.fail(error, **made_by())


@dataclass(frozen=True)
class Placement:
    """Holds the CPUs of each trial, and the GPU share of each by key."""

    cpus: float
    gpus: dict[str, float]


@dataclass(frozen=True)
class TrialsToRun:
    """Holds the trials to run in their order, by key: planned hours and jobs; and their data sets.

    The data sets are in the object store, once per node; trials receive references to them.
    """

    hours: Mapping[str, float]
    jobs: Mapping[str, Job]
    datasets: Mapping[Data, ray.ObjectRef]


class Launcher:
    """Runs trials in one or more Tuners; afterwards each trial's folder records how it ended.

    `staging` is a folder of this host to which Tune writes; nothing reads it back.
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        to_run: TrialsToRun,
        placement: Placement,
        staging: Path,
        progress: Progress | None = None,
        watch: Sequence[tune.Callback] = (),
    ) -> None:
        self.store, self.to_run, self.placement, self.staging = store, to_run, placement, staging
        epochs = {key: job.epochs for key, job in to_run.jobs.items()}
        self.progress = progress or Progress.of(to_run.hours, epochs)
        self.session = replace(session, say=self.progress.say, under_way=self._under_way)
        hooks: tuple[Any, ...] = (self._check_caps, self._resources_of, self._failed)
        if session.client:  # several hosts
            say = self.progress.say
            hooks += (LostTrials(session.client.keeper, say), BadHosts(say))
        self.callback = ProgressCallback(self.progress, *hooks)
        self.watch, self.tuners = list(watch), 0

    def _check_caps(self, running: set[str]) -> None:
        self.session.limits.check(sum(self.placement.gpus[key] for key in running))
        self.progress.activity.caps = self.session.limits.shown()

    def _under_way(self, name: str, done: int, total: int, unit: str) -> None:
        self.progress.under_way(name, done, total, unit)
        self.progress.activity.caps = self.session.limits.shown()
        self.progress.show()

    def _resources_of(self, key: str) -> str:
        """Returns the CPUs and GPU share of the trial in words."""
        gpus = self.placement.gpus[key]
        cpus = f"{self.placement.cpus:g} CPU{'s' * (self.placement.cpus != 1)}"
        return f"{gpus:.2g} GPU, {cpus}" if gpus else cpus

    def _failed(self, key: str) -> str | None:
        """Returns the reason of a failure that the trial recorded itself, such as a NaN loss."""
        done = self.store.folder(key).done() or {}
        return str(done.get("error")) if done.get("state") == "failed" else None

    def run(self, keys: Sequence[str], pools: Mapping[str, Chunks]) -> None:
        """Runs these trials, in several Tuners if they are many; raises CapReached at a cap.

        Trials that run out of memory on a share of a GPU run once more, each alone on one.
        """
        for start in range(0, len(keys), TRIALS_PER_TUNER):
            crowded = self._fit(keys[start : start + TRIALS_PER_TUNER], pools)
            machine.give_back_memory()  # the driver's memory stays that of one Tuner
            if crowded:
                self.progress.say(
                    f"{len(crowded)} of {len(keys)} trials ran out of memory on a share of a GPU: "
                    "they run once more, each alone on one"
                )
                self.progress.will_rerun(crowded)
                self.placement.gpus.update(dict.fromkeys(crowded, 1.0))
                self._fit(crowded, pools)

    def _fit(self, keys: Sequence[str], pools: Mapping[str, Chunks]) -> list[str]:
        """Runs one Tuner; returns the trials whose share of a GPU was too small."""
        self.tuners += 1
        trainable = tune.with_parameters(
            train,
            root=self.store.root,
            jobs={key: self.to_run.jobs[key] for key in keys},
            datasets=dict(self.to_run.datasets),
            pools=dict(pools),
            modules=extensions.loaded(),
            client=self.session.client,
        )
        on_gpu = any(self.placement.gpus[key] for key in keys)
        limit = SHORT_TRIAL_HOURS["cuda" if on_gpu else "cpu"]
        short = statistics.median(self.to_run.hours[key] for key in keys) < limit
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
        self.session.limits.still_ours()  # else another launch decides
        for key, error in self.callback.errors.items():
            self._fail(key, error)
        return list(self.callback.crowded)

    def _fail(self, key: str, error: str) -> None:
        """Records a failure; if the trial's folder cannot be written, reports that instead."""
        try:
            FailureNote(self.store.folder(key), self.to_run.jobs[key].epochs).fail(error)
        except OSError as cause:
            self.progress.say(f"Failed: {key}: {error}; its folder cannot be written: {cause}")


def _resources(placement: Placement, config: dict[str, str]) -> tune.PlacementGroupFactory:
    """Returns the resources that a trial requests from Ray.

    It is not a method of Launcher, which would then be pickled and sent to workers.
    """
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
    client: KeeperClient | None,
) -> None:
    """Trains one trial in a worker process; Tune's configuration holds only its key."""
    extensions.load_all(modules)
    device, gpu_share = gpu_memory.placed()
    key = config["key"]
    gpu = (",".join(map(str, ray.get_gpu_ids())), gpu_share) if gpu_share else None
    job = replace(jobs[key], device=device, gpu=gpu)
    with (
        Heartbeat(client.keeper if client else None, key) as heartbeat,
        trial_folder(Store(root), key, client, job.fence) as folder,
    ):
        if isinstance(folder, MirroredFolder):
            job = replace(job, tensorboard=None)  # the driver writes the events from the rows
        report = heartbeat.timed(lambda row: tune.report({**row}))
        crowded = _train_to_end(folder, job, datasets, pools, report)
        report({"crowded" if crowded else "finished": True})


def _train_to_end(
    folder: TrialFolder,
    job: Job,
    datasets: Mapping[Data, ray.ObjectRef],
    pools: Mapping[str, Chunks],
    report: Report,
) -> bool:
    """Trains the trial to its end; returns True if its share of a GPU was too small."""
    trial, gpu_share = folder.trial(), job.gpu[1] if job.gpu else 0.0
    pool = pools.get(trial.reads_pool or "")
    read, checksums = (pool.read, pool.checksums) if pool else (None, {})
    if folder.state(job.epochs) == "failed":  # the watchdog ended the last attempt
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
        if 0 < gpu_share < 1:
            return True
        text = gpu_memory.sentence(trial, job.device, job.micro_batch)
        folder.fail(text, **made_by())
    return False
