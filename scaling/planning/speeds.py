"""Estimates the hours of trials from the machine's speeds, corrected by finished trials."""

import statistics
from collections.abc import Iterable, Mapping
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
    """Computes the ratios of measured over planned time of trials finished on the machine.

    Trials that trained for less than LEAST_SECONDS say nothing about longer ones and do not count,
    nor do those that were planned for less: they were slow for the compilation of the first steps.
    """
    ratios: dict[Trial, list[float]] = {}
    for ran in finished:
        planned = machine.seconds(ran.trial, training_work(ran.trial, ran.epochs))
        if min(planned, ran.seconds) >= LEAST_SECONDS:
            ratios.setdefault(ran.trial.architecture, []).append(ran.seconds / planned)
    factors = {trial: statistics.median(all_of) for trial, all_of in ratios.items()}
    return Speeds(machine, factors, sum(map(len, ratios.values())))


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
