"""Plans a study before it runs: GPU shares, hours and disk space of its trials (section 4.2).

Hours are estimated from the machine's speeds, and corrected by trials that have finished there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from scaling.models import Parameters
from scaling.planning.costs import BYTES, memory, parameters, training_work
from scaling.planning.fit import advice, gpu_share, micro_batch, taken_in_parts
from scaling.planning.groups import grouped
from scaling.planning.pool_rows import PoolRow, pool_rows
from scaling.planning.sharing import gain, gpu_hours
from scaling.planning.speeds import Speeds, hours
from scaling.storage.contents import PlanJson, PlanRowJson
from scaling.trial import Trial
from scaling.trial.schedule import MetricSettings, Planned, Scheduled


@dataclass(frozen=True)
class PlanRow(Planned):
    """Describes a planned trial with all its costs."""

    parameters: Parameters
    flops: int  # operations of training from the first epoch on
    memory_bytes: int
    context_bytes: int  # those of memory_bytes that a GPU needs besides PyTorch's own; 0 on a CPU
    advice: str | None  # what to change if it does not fit the memory
    note: str | None  # the micro-batch, if a whole step does not fit the memory
    disk_bytes: int
    gain: float = 1.0  # speed of trials that share a GPU over that of one after another

    @property
    def gpu_hours(self) -> float:
        """Returns the hours that a GPU spends on it."""
        return gpu_hours(self.hours, self.gpus, self.gain)

    def to_dict(self) -> PlanRowJson:
        """Returns the JSON form; m_z, n_c and source are null for kinds other than VAEs."""
        return {
            "key": self.key,
            "kind": self.trial.kind,
            "dataset": self.trial.dataset,
            "m_z": _field(self.trial, "m_z"),
            "n_c": _field(self.trial, "n_c"),
            "source": self.trial.source_name,
            "share": _field(self.trial, "share"),
            "replicate": self.trial.replicate,
            "seed": self.trial.seed,
            "epochs": self.scheduled.epochs,
            **self.parameters,
            "flops": self.flops,
            "memory_bytes": self.memory_bytes,
            "context_bytes": self.context_bytes,
            "advice": self.advice,
            "micro_batch": self.micro_batch,
            "gpus": self.gpus,
            "hours": self.hours,
            "disk_bytes": self.disk_bytes,
            "state": self.state,
        }


def _field(trial: Trial, name: str) -> Any:
    """Returns the value of a field, or None if trials of this kind have no such field."""
    return getattr(trial, name) if name in trial.__dataclass_fields__ else None


@dataclass(frozen=True)
class Total:
    """Sums the costs of what remains to run; `disk_bytes` and memory are those of all trials."""

    trials: int
    to_run: int
    hours: float
    gpu_hours: float
    flops: int
    disk_bytes: int
    disk_left_bytes: int
    largest_memory_bytes: int


@dataclass(frozen=True)
class Plan:
    """Holds a row per trial, the pools, and the basis of the estimated hours."""

    machine: str
    basis: str
    trials: Sequence[PlanRow]
    pools: Sequence[PoolRow]

    @property
    def total(self) -> Total:
        """Returns the sums; `hours` are without, `gpu_hours` with the gain of sharing a GPU."""
        left = [row for row in self.trials if row.is_left]
        costs: list[PlanRow | PoolRow] = [*left, *self.pools]
        return Total(
            trials=len(self.trials),
            to_run=len(left),
            hours=sum(row.hours for row in costs),
            gpu_hours=sum(row.gpu_hours for row in costs),
            flops=sum(row.flops for row in left),
            disk_bytes=sum(r.disk_bytes for r in self.trials) + sum(p.bytes for p in self.pools),
            disk_left_bytes=sum(r.disk_bytes for r in left) + sum(p.left_bytes for p in self.pools),
            largest_memory_bytes=max((row.memory_bytes for row in self.trials), default=0),
        )

    def to_dict(self) -> PlanJson:
        """Returns the JSON form, with the fields in which trials of the same source differ."""
        varying = {row.key: group.fields for group in grouped(self.trials) for row in group.rows}
        return {
            "machine": self.machine,
            "basis": self.basis,
            "trials": [{**row.to_dict(), "varying": varying[row.key]} for row in self.trials],
            "pools": [row.to_dict() for row in self.pools],
            "total": asdict(self.total),
        }


def make(
    scheduled: Sequence[Scheduled],
    speeds: Speeds,
    states: Mapping[str, str],
    settings: MetricSettings | None = None,
    begun: Mapping[str, int] | None = None,
    sampled: Callable[[str], int] = lambda name: 0,
    pool_k: int = 0,
    mps: bool = True,
    micro: int | None = None,
) -> Plan:
    """Plans a study; `mps` is True if trials that share a GPU compute concurrently on it.

    `settings` are those of the costly metrics, `begun` the epochs that trials have reached; for
    `sampled` and `pool_k` see `pool_rows`. `micro` is the requested micro-batch.
    """
    rows: list[PlanRow] = []
    by_kin: dict[tuple[Scheduled, float], PlanRow] = {}
    for item in scheduled:
        part = min(1.0, (begun or {}).get(item.key, 0) / item.epochs)
        kin, state = (replace(item, trial=item.trial.kin), part), states.get(item.key, "new")
        if kin not in by_kin:
            row = _row(item, speeds, state, settings or {}, part, micro)
            by_kin[kin] = replace(row, gain=gain(item.trial, speeds.machine, row.gpus, mps))
        rows.append(replace(by_kin[kin], scheduled=item, state=state))
    left = {row.key for row in rows if row.is_left}
    pools = pool_rows(scheduled, speeds, sampled, pool_k, lambda item: item.key in left)
    return Plan(speeds.machine.name, speeds.basis, rows, pools)


def _row(
    scheduled: Scheduled,
    speeds: Speeds,
    state: str,
    settings: MetricSettings,
    share_done: float,
    micro: int | None,
) -> PlanRow:
    """Returns one line of the plan; `begun` is the share of the epochs that is done."""
    trial, machine = scheduled.trial, speeds.machine
    size = micro_batch(trial, machine, micro)
    return PlanRow(
        scheduled=scheduled,
        state=state,
        hours=hours(scheduled, speeds, settings, share_done, size),
        gpus=gpu_share(trial, machine, scheduled.metrics, size),
        micro_batch=size,
        parameters=parameters(trial),
        flops=int(training_work(trial, scheduled.epochs).flops),
        memory_bytes=memory(trial, machine, scheduled.metrics, size),
        context_bytes=machine.base_bytes if machine.device == "cuda" else 0,
        advice=advice(trial, machine, size),
        note=taken_in_parts(trial, machine, size),
        disk_bytes=_disk(scheduled),
    )


def _disk(scheduled: Scheduled) -> int:
    """Estimates bytes on disk: two checkpoints with Adam's moments, kept models, a row per epoch.

    Checkpoints of a diffusion model also contain its averaged weights.
    """
    weights = BYTES * parameters(scheduled.trial)["parameters"]
    averaged = 2 * scheduled.trial.makes_pools
    return (6 + averaged + len(scheduled.kept_epochs)) * weights + 400 * scheduled.epochs
