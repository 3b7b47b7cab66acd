"""What the command line asks of a launch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scaling.cluster.profile import Profile
from scaling.metrics import Options
from scaling.storage.store import Store
from scaling.trial import Trial
from scaling.trial.schedule import Wanted, pool_of


@dataclass(frozen=True)
class Request:
    """What the command line asked for; `hours` names the trials left to run, `shares` all."""

    study: str
    preset: str
    store: Store
    wanted: Mapping[str, Wanted]
    hours: Mapping[str, float]
    shares: Mapping[str, float]
    share_asked: bool  # for a GPU share, rather than auto
    cpus: float
    address: str
    data_root: Path | None
    offline: bool
    max_hours: float | None
    max_gpu_hours: float | None
    row_timeout: float  # minutes without an epoch after which a trial has hung
    pool_k: int
    metric_settings: Options
    lock: Path
    argv: list[str]
    profile: Profile

    @property
    def folder(self) -> Path:
        return self.store.study(self.study)

    def pool_users(self) -> Iterator[tuple[str, str, Trial]]:
        """Key, pool and trial of what is left to run on a pool."""
        for name in self.hours:
            trial = self.wanted[name].trial
            if pool := pool_of(trial):
                yield name, pool, trial
