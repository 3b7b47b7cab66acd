"""What a study costs, before any runs: shares, hours and disk of its trials (section 4.2).

Hours rest on a machine's speeds; where trials have finished there, on theirs.
"""

import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scaling.planning.costs import (
    BYTES,
    Machine,
    measuring_work,
    memory,
    metrics_work,
    parameters,
    sampling_work,
    train_images,
    training_work,
)
from scaling.planning.layers import row_of
from scaling.storage.store import Ran
from scaling.trial import DiffusionTrial, Trial, TwoSampleTrial, VaeTrial
from scaling.trial.schedule import Wanted, chunks_of, pool_name, pool_of

OBJECT_STORE_SHARE = 0.3  # of a node's memory, Ray's default


PARTS = (8, 6, 5, 4, 3, 2, 1)  # that a GPU is shared in


MARGIN = 1.1  # of memory over what is estimated


Settings = Mapping[str, Mapping[str, Any]]  # metric -> its options


Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Speeds:
    """How much longer than planned finished trials took, by architecture, and the others."""

    machine: Machine
    factors: Mapping[Trial, float] = field(default_factory=dict)
    trials: int = 0

    def factor(self, trial: Trial) -> float:
        """Of this trial's architecture, else the median of all of its kind, else 1."""
        if architecture(trial) in self.factors:
            return self.factors[architecture(trial)]
        kin = [f for other, f in self.factors.items() if other.kind == trial.kind]
        return statistics.median(kin) if kin else 1.0


def speeds(machine: Machine, finished: Iterable[Ran]) -> Speeds:
    """What finished trials tell of the machine that they ran on."""
    found: dict[Trial, list[float]] = {}
    for ran in finished:
        planned = machine.seconds(ran.trial, training_work(ran.trial, ran.epochs))
        if planned and ran.seconds:
            found.setdefault(architecture(ran.trial), []).append(ran.seconds / planned)
    factors = {trial: statistics.median(all_of) for trial, all_of in found.items()}
    return Speeds(machine, factors, sum(map(len, found.values())))


def architecture(trial: Trial) -> Trial:
    """What a trial shares with those that take as long."""
    same = replace(trial, seed=0, split=0, lr=1.0)
    if isinstance(same, VaeTrial):
        return replace(same, source=replace(same.source, pool=None))
    return replace(same, pool=None) if isinstance(same, TwoSampleTrial) else same


def hours(wanted: Wanted, known: Speeds, settings: Settings, begun: float = 0.0) -> float:
    """Of training and measuring alone on the machine; `begun` is the share already done."""
    trial = wanted.trial
    run = training_work(trial, wanted.epochs) + measuring_work(wanted)
    seconds = (1 - begun) * known.machine.seconds(trial, run)
    seconds += known.machine.seconds(trial, metrics_work(wanted, settings))
    return known.factor(trial) * seconds / 3600


def gpu_share(trial: Trial, machine: Machine, metrics: Sequence[str] = ()) -> float:
    """The share of a GPU whose memory holds the trial with a tenth to spare; 0 without one."""
    if machine.device == "cpu":
        return 0.0
    need = MARGIN * memory(trial, machine, metrics) / machine.bytes
    return next((1 / parts for parts in PARTS if need <= 1 / parts), 1.0)


def advice(trial: Trial, machine: Machine) -> str | None:
    """What to change where the machine's memory does not hold the trial."""
    need = memory(trial, machine)
    if need <= machine.bytes:
        return None
    text = f"needs {need / 1e9:.0f} GB, and {machine.name} has {machine.bytes / 1e9:.0f}"
    batch = trial.batch // 2
    while batch and memory(replace(trial, batch=batch), machine) > machine.bytes:
        batch //= 2
    larger = f"a device of {MARGIN * need / 1e9:.0f} GB"
    if not batch:
        return f"{text}: {larger} would"
    where = " in studies/diffusion.py" if isinstance(trial, DiffusionTrial) else ""
    return f"{text}: --set batch={batch}{where} fits, or {larger}"


def trial_row(
    wanted: Wanted, known: Speeds, state: str, settings: Settings, begun: float
) -> dict[str, Any]:
    """One line of the plan; m_z, n_c and source are null for a diffusion trial."""
    trial, epochs, machine = wanted.trial, wanted.epochs, known.machine
    vae = trial if isinstance(trial, VaeTrial) else None
    share = None if isinstance(trial, VaeTrial) else trial.share
    return {
        "key": wanted.key,
        "kind": trial.kind,
        "dataset": trial.dataset,
        "m_z": vae.m_z if vae else None,
        "n_c": vae.n_c if vae else None,
        "source": vae.source.name if vae else None,
        "share": share,
        "seed": trial.seed,
        "epochs": epochs,
        **parameters(trial),
        "flops": int(training_work(trial, epochs).flops),
        "memory_bytes": memory(trial, machine, wanted.metrics),
        "advice": advice(trial, machine),
        "gpus": gpu_share(trial, machine, wanted.metrics),
        "hours": hours(wanted, known, settings, begun),
        "disk_bytes": _disk(wanted),
        "state": state,
    }


def _disk(wanted: Wanted) -> int:
    """Two checkpoints with Adam's moments, the kept models, a row an epoch.

    A diffusion model has averaged weights beside its own, and those are kept.
    """
    weights = BYTES * parameters(wanted.trial)["parameters"]
    averaged = 3 * isinstance(wanted.trial, DiffusionTrial)
    return (6 + averaged + len(wanted.metric_epochs)) * weights + 400 * wanted.epochs


def pool_rows(
    every: Sequence[Wanted], known: Speeds, sampled: Callable[[str], int], pool_k: int
) -> list[dict[str, Any]]:
    """The pools of the trials: bytes beside this machine's object store, hours to sample the rest.

    `sampled` tells how many images a pool holds; a model that no trial draws on is sampled for
    `pool_k` chunks.
    """
    models = {
        pool_name(w.trial, w.epochs): w.trial for w in every if isinstance(w.trial, DiffusionTrial)
    }
    users: dict[str, list[Trial]] = {name: [] for name in models if pool_k}
    for trial in (wanted.trial for wanted in every):
        if name := pool_of(trial):
            users.setdefault(name, []).append(trial)
    store = OBJECT_STORE_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    rows: list[dict[str, Any]] = []
    for name, readers in users.items():
        trial = readers[0] if readers else models[name]
        k = max(map(chunks_of, readers), default=pool_k)
        images, image = k * train_images(trial), row_of(trial).channels * row_of(trial).side ** 2
        left = max(0, images - sampled(name)) if name in models else 0
        costs = _sampling(models[name], left, known) if left else {"hours": 0.0, "gpus": 0.0}
        sizes = {"bytes": images * image, "left_bytes": left * image}
        rows.append({"pool": name, "k": k, **sizes, **costs})
    fits = sum(row["bytes"] for row in rows) < store
    return [row | {"store_bytes": int(store), "fits": fits} for row in rows]


def _sampling(model: DiffusionTrial, images: int, known: Speeds) -> dict[str, float]:
    """What so many samples take."""
    seconds = known.machine.seconds(model, sampling_work(model, images, known.machine.device))
    return {"hours": known.factor(model) * seconds / 3600, "gpus": gpu_share(model, known.machine)}


def make(
    every: Sequence[Wanted],
    known: Speeds,
    states: Mapping[str, str],
    settings: Settings | None = None,
    begun: Mapping[str, int] | None = None,
    sampled: Callable[[str], int] = lambda name: 0,
    pool_k: int = 0,
) -> dict[str, Any]:
    """The plan: a row a trial, the pools, and the totals over what is left to run.

    `hours` add up trials and sampling; `gpu_hours` weigh them with their share. `settings` are
    those of the costly metrics, `begun` the epochs that trials have reached; for `sampled` and
    `pool_k` see `pool_rows`.
    """
    done = {w.key: min(1.0, (begun or {}).get(w.key, 0) / w.epochs) for w in every}
    alike: dict[tuple[object, ...], dict[str, Any]] = {}
    rows = []
    for w in every:
        row, state = _alike(w, done[w.key]), states.get(w.key, "new")
        if row not in alike:
            alike[row] = trial_row(w, known, state, settings or {}, done[w.key])
        rows.append(alike[row] | {"key": w.key, "seed": w.trial.seed, "state": state})
    pools = pool_rows(every, known, sampled, pool_k)
    return {
        "machine": known.machine.name,
        "basis": _basis(known),
        "trials": rows,
        "pools": pools,
        "total": _total(rows, pools),
    }


def _total(rows: Rows, pools: Rows) -> dict[str, Any]:
    """Over what is left to run; `disk_bytes` and memory over all."""
    left = [row for row in rows if row["state"] in ("new", "partial")]
    costs = [*left, *pools]
    return {
        "trials": len(rows),
        "to_run": len(left),
        "hours": sum(row["hours"] for row in costs),
        "gpu_hours": sum(row["hours"] * row["gpus"] for row in costs),
        "flops": sum(row["flops"] for row in left),
        "disk_bytes": sum(r["disk_bytes"] for r in rows) + sum(pool["bytes"] for pool in pools),
        "disk_left_bytes": sum(r["disk_bytes"] for r in left) + sum(p["left_bytes"] for p in pools),
        "largest_memory_bytes": max((row["memory_bytes"] for row in rows), default=0),
    }


def _alike(wanted: Wanted, begun: float) -> tuple[object, ...]:
    """What trials have in common that cost the same: everything but the seed."""
    fields = vars(wanted.trial) | {"seed": 0}
    schedule = {name: value for name, value in vars(wanted).items() if name != "trial"}
    return (wanted.trial.kind, *fields.values(), *schedule.values(), begun)


def _basis(known: Speeds) -> str:
    """What the hours rest on."""
    return f"{known.trials} finished trials" if known.trials else known.machine.basis
