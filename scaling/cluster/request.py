"""What the command line asks of a launch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from scaling.cluster.limits import Caps
from scaling.cluster.mps import Mode
from scaling.data.datasets import Dataset
from scaling.metrics import Options
from scaling.storage.lock import Lock
from scaling.storage.store import Store
from scaling.storage.study_events import StudyEvents
from scaling.trial import Trial
from scaling.trial.schedule import Planned


@dataclass(frozen=True)
class Request:
    """A study's planned trials by key, in the study's order, and how they are to be run."""

    study: str
    preset: str
    store: Store
    lock: Lock
    trials: Mapping[str, Planned]
    load: Callable[[str, str], Dataset]  # a data set, as `data_of` names it
    address: str
    cpus: float  # of each trial
    gpus_fixed: bool  # the GPU shares were given, rather than planned
    caps: Caps
    hung_after_s: float  # seconds without an epoch after which a trial has hung
    wait_for_gpus_s: float  # how long to wait for a cluster's first GPU
    mps: Mode
    pool_k: int
    metric_settings: Options
    events: StudyEvents
    plan: Mapping[str, Any] = field(default_factory=dict)  # its JSON form, kept in plan.json
    gpu_hours_before: float = 0.0  # that earlier launches of the study have used
    local_cpus: int | None = None  # of a Ray that is started here; None: what this process may use

    @property
    def folder(self) -> Path:
        return self.store.study(self.study)

    @cached_property
    def left(self) -> dict[str, Planned]:
        """What this launch runs."""
        return {key: planned for key, planned in self.trials.items() if planned.is_left}

    @property
    def shares_gpus(self) -> bool:
        """Whether trials that are left have a part of a GPU each."""
        return any(0 < planned.gpus < 1 for planned in self.left.values())

    def pool_users(self) -> Iterator[tuple[str, str, Trial]]:
        """Key, pool and trial of what is left to run on a pool."""
        for key, planned in self.left.items():
            if pool := planned.trial.reads_pool:
                yield key, pool, planned.trial
