"""Estimates the hours of trials from the machine's speeds, corrected by finished trials."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scaling.planning.costs import Machine, measuring_work, metrics_work, training_work
from scaling.storage.store import Ran
from scaling.trial import Trial
from scaling.trial.schedule import MetricSettings, Scheduled

LEAST_SECONDS = 2.0  # training of less, as in a smoke test, is mostly the first steps


@dataclass(frozen=True)
class Speeds:
    """Holds a machine and the ratios of measured over planned time, per architecture."""

    machine: Machine
    factors: Mapping[Trial, float] = field(default_factory=dict)
    trials: int = 0

    def factor(self, trial: Trial) -> float:
        """Returns measured over planned time of the architecture, or its kind's median, or 1."""
        if trial.architecture in self.factors:
            return self.factors[trial.architecture]
        kin = [f for other, f in self.factors.items() if other.kind == trial.kind]
        return statistics.median(kin) if kin else 1.0

    @property
    def basis(self) -> str:
        """Returns what the hours are based on, in words."""
        return f"{self.trials} finished trials" if self.trials else self.machine.basis


def speeds(machine: Machine, finished: Iterable[Ran]) -> Speeds:
    """Computes the ratios of measured over planned time of trials finished on such a machine.

    Hours are those of a trial alone on one GPU, from which the gain of sharing it is computed. So
    trials on a share of a GPU do not count: how many others ran beside them, and whether these took
    turns, is not recorded. Nor do trials on another model of GPU or processor. Older files name no
    model: those count on CPUs only. If the machine's own GPU is unknown, as in front of a cluster,
    trials on the model with most of them count.

    Trials that trained for less than LEAST_SECONDS say nothing about longer ones and do not count,
    nor do those that were planned for less: they were slow for the compilation of the first steps.
    """
    ratios: dict[Trial, list[float]] = {}
    for ran in _alike(machine, [ran for ran in finished if not ran.shared]):
        planned = machine.seconds(ran.trial, training_work(ran.trial, ran.epochs))
        if min(planned, ran.seconds) >= LEAST_SECONDS:
            ratios.setdefault(ran.trial.architecture, []).append(ran.seconds / planned)
    factors = {trial: statistics.median(all_of) for trial, all_of in ratios.items()}
    return Speeds(machine, factors, sum(map(len, ratios.values())))


def _alike(machine: Machine, finished: Sequence[Ran]) -> list[Ran]:
    """Returns the trials that ran on the machine's model of GPU or processor."""
    models = Counter(ran.hardware for ran in finished if ran.hardware)
    model = machine.model or max(models, key=models.__getitem__, default="")
    unnamed = machine.device == "cpu" or not model
    return [ran for ran in finished if ran.hardware == model or (unnamed and not ran.hardware)]


def hours(
    scheduled: Scheduled,
    speed: Speeds,
    settings: MetricSettings,
    begun: float = 0.0,
    micro_batch: int | None = None,
) -> float:
    """Returns the hours of training and measuring alone on the machine.

    `begun` is the share of the epochs that is already done.
    """
    trial = scheduled.trial
    run = training_work(trial, scheduled.epochs, micro_batch) + measuring_work(scheduled)
    seconds = (1 - begun) * speed.machine.seconds(trial, run)
    seconds += speed.machine.seconds(trial, metrics_work(scheduled, settings))
    return speed.factor(trial) * seconds / 3600
