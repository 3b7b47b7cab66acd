"""Describes a launch as the command line has requested it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from scaling.cluster.limits import Caps
from scaling.cluster.mps import Mode
from scaling.data.datasets import Dataset
from scaling.storage.contents import PlanJson
from scaling.storage.lock import Lock
from scaling.storage.store import Store
from scaling.storage.study_events import StudyEvents
from scaling.trial import Trial
from scaling.trial.schedule import MetricSettings, Planned


@dataclass(frozen=True)
class Request:
    """Holds a study's planned trials by key, in the study's order, and how to run them."""

    study: str
    preset: str
    store: Store
    lock: Lock
    trials: Mapping[str, Planned]
    load: Callable[[str, str], Dataset]  # loads a data set, given as in `data_of`
    address: str
    cpus: float  # of each trial
    gpus_fixed: bool  # True if the user has set the GPU shares
    caps: Caps
    hung_after_s: float  # seconds without an epoch after which a trial has hung
    wait_for_gpus_s: float  # how long to wait for a cluster's first GPU
    mps: Mode
    pool_k: int
    metric_settings: MetricSettings
    events: StudyEvents
    plan: PlanJson = field(default_factory=PlanJson)  # written to plan.json
    # Plans a trial again for GPUs of this name and number of bytes.
    refit: Callable[[Planned, str, int], Planned] = lambda planned, name, size: planned
    gpu_hours_before: float = 0.0  # used by earlier launches of the study
    used_again: frozenset[str] = frozenset()  # trials to measure, or of whose model to draw samples
    local_cpus: int | None = None  # CPUs of a local Ray; None: all that this process may use

    @property
    def folder(self) -> Path:
        """Returns the study's folder."""
        return self.store.study(self.study)

    @cached_property
    def left(self) -> dict[str, Planned]:
        """Returns the trials that this launch runs."""
        return {key: planned for key, planned in self.trials.items() if planned.is_left}

    @property
    def shares_gpus(self) -> bool:
        """Is True if trials that run, are measured or whose model draws samples share a GPU."""
        at_work = self.left.keys() | self.used_again
        return any(0 < self.trials[key].gpus < 1 for key in at_work)

    def pool_users(self) -> Iterator[tuple[str, str, Trial]]:
        """Yields the key, pool and trial of each unfinished trial that reads a pool."""
        for key, planned in self.left.items():
            if pool := planned.trial.reads_pool:
                yield key, pool, planned.trial
