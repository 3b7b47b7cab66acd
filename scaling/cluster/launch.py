"""One launch of a study: load the data, connect, run what is left, write the study's files."""

import shutil
import time
from dataclasses import dataclass, field
from typing import Any

import ray

from scaling.cluster import checks, connect, pools, session
from scaling.cluster.limits import CapReached, Caps, Limits
from scaling.cluster.measuring import Cells, check_same_data, fill, missing, without_model
from scaling.cluster.request import Request
from scaling.cluster.start_order import order
from scaling.cluster.tuner import Launcher, Placement, Work
from scaling.data import datasets
from scaling.errors import UsageError
from scaling.runs.execute import Job
from scaling.storage import tensorboard as events
from scaling.storage.provenance import launch_entry
from scaling.trial import Data, DiffusionTrial, VaeTrial, data_of, group_name, headline
from scaling.trial.schedule import Wanted, pool_name

Images = dict[Data, datasets.Dataset]


@dataclass
class Ended:
    """How a launch ended: at which cap, and what is missing beside trials."""

    cap: str | None = None
    missing: list[str] = field(default_factory=list)


def run(request: Request) -> Ended:
    """Trains what is left and brings the study's folder up to date."""
    data, ended = _check(request), Ended()
    if request.hours or pools.lacking(request, data) or _unmeasured(request):
        with session.logged_to(request.folder / "logs" / "ray.log"):
            _on_ray(request, data, ended)
        ended.missing += [f"the pool {name}" for name in pools.lacking(request, data)]
    else:
        _write_study(request)
    _tell_without_model(request)
    with request.profile.part("tensorboard"):
        _tensorboard(request)
    return ended


def _check(request: Request) -> Images:
    """Everything that can be refused before Ray starts; returns the data sets."""
    loaded: Images = {}
    parts: dict[tuple[Data, int | None, int], datasets.Dataset] = {}
    goes_on = request.hours.keys() | _models(request)
    for name, trial in ((name, wanted.trial) for name, wanted in request.wanted.items()):
        data = data_of(trial)
        if data not in loaded:
            loaded[data] = datasets.load(data[0], request.data_root, request.offline, data[1])
        part = (data, trial.train_size, trial.split)
        if part not in parts:
            parts[part] = datasets.split(loaded[data], trial.train_size, trial.split)
        if name in goes_on:
            check_same_data(request.store.folder(name), parts[part])
        if isinstance(trial, VaeTrial):
            _check_levels(trial, parts[part])
    pools.check(request, loaded)
    return loaded


def _models(request: Request) -> set[str]:
    """The diffusion trials of this launch whose samples are read by what is left to run."""
    read = {pool for _, pool, _ in request.pool_users()}
    return {
        name
        for name, wanted in request.wanted.items()
        if isinstance(wanted.trial, DiffusionTrial)
        and pool_name(wanted.trial, wanted.epochs) in read
    }


def _check_levels(trial: VaeTrial, data: datasets.Dataset) -> None:
    if trial.likelihood == "bernoulli" and data.levels != 2:
        raise UsageError(
            f"likelihood=bernoulli is of images of 0 and 1, and {trial.dataset} has {data.levels} "
            "levels. Save it as 0 and 1, or give --set likelihood=mixture."
        )


def _on_ray(request: Request, data: Images, ended: Ended) -> None:
    staging = request.folder / f".staging-{time.time_ns()}"
    try:
        with request.profile.part("ray"):
            cluster = connect.connect(request.address)
        placement = _placement(request, cluster)
        request.profile.width = _width(request, cluster, placement)
        if cluster.nodes > 1:
            checks.check_shared(request.store.root)
        _write_study(request)
        jobs = {
            name: Job(
                wanted.epochs,
                wanted.measure_every,
                request.folder / "tensorboard",
                kept=_kept(wanted),
                row_timeout=request.row_timeout * 60,
            )
            for name, wanted in request.wanted.items()
        }
        work = Work(request.hours, jobs, {name: ray.put(part) for name, part in data.items()})
        limits = Limits(Caps(request.max_hours, request.max_gpu_hours), request.lock)
        launcher = Launcher(request.store, work, placement, limits, staging)
        try:
            _phases(request, launcher, data)
        finally:
            launcher.progress.close()
        with request.profile.part("metrics"):
            ended.missing += _measure(request, launcher, data)
    except CapReached as cap:
        ended.cap = str(cap)
    finally:
        with request.profile.part("ray"):
            ray.shutdown()
        shutil.rmtree(staging, ignore_errors=True)


def _kept(wanted: Wanted) -> tuple[int, ...]:
    """Epochs whose models are kept: for costly metrics, and for samples, however long it trains."""
    return (wanted.epochs,) if isinstance(wanted.trial, DiffusionTrial) else wanted.metric_epochs


def _phases(request: Request, launcher: Launcher, data: Images) -> None:
    """First what needs no pool, the diffusion models at its head; then pools; then the rest."""
    waiting = {name: pool for name, pool, _ in request.pool_users()}
    first = _ordered(request, [name for name in request.hours if name not in waiting])
    first.sort(key=lambda name: request.wanted[name].trial.kind != "diffusion")
    with request.profile.part("trials"):
        launcher.run(first, {})
    if waiting or pools.lacking(request, data):
        with request.profile.part("sampling"):
            shares, say = launcher.placement.gpus, launcher.progress.say
            there = pools.provide(request, data, shares, say, launcher.limits.look)
        rest = _ordered(request, [name for name in waiting if waiting[name] in there])
        with request.profile.part("trials"):
            launcher.run(rest, there)


def _ordered(request: Request, names: list[str]) -> list[str]:
    trials = {name: wanted.trial for name, wanted in request.wanted.items()}
    return order(trials, {name: request.hours[name] for name in names}, request.profile.width)


def _width(request: Request, cluster: connect.Cluster, placement: Placement) -> int:
    """How many of the trials that are left run at a time."""
    share = max((placement.gpus[name] for name in request.hours), default=0.0)
    room = cluster.cpus // request.cpus
    room = min(room, cluster.gpus / share) if share else room
    return max(1, min(int(room), len(request.hours)))


def _unmeasured(request: Request) -> list[Cells]:
    """The trials of which costly metrics are missing where models are kept."""
    found = (
        missing(request.store, name, w.metrics, w.metric_epochs, request.metric_settings)
        for name, w in request.wanted.items()
        if w.metrics
    )
    return [cells for cells in found if cells]


def _tell_without_model(request: Request) -> None:
    """Cells that stay empty, since another study trained their trials and kept no models."""
    every = [wanted for wanted in request.wanted.values() if wanted.metrics]
    gone = [w.key for w in every if without_model(request.store, w.key, w.metrics, w.metric_epochs)]
    if gone:
        print(
            f"{len(gone)} trials were trained by another study, which did not keep their models of "
            f"all listed epochs: there {', '.join(every[0].metrics)} stay unmeasured. Another "
            "--results trains them anew."
        )


def _measure(request: Request, launcher: Launcher, data: Images) -> list[str]:
    """The costly metrics; returns those that failed, which are missing in the rows."""
    cells, told = _unmeasured(request), []
    if cells:
        shares, say, look = launcher.placement.gpus, launcher.progress.say, launcher.limits.look
        told = fill(request.store, cells, data, shares, say, look, request.row_timeout * 60)
        print("\n".join(f"Not measured: {line}" for line in told), end="\n" if told else "")
    return [f"metrics of {line.partition(':')[0]}" for line in told]


def _placement(request: Request, cluster: connect.Cluster) -> Placement:
    """The planned GPU shares, none where `auto` meets a cluster without GPUs."""
    shares = dict(request.shares)
    if not cluster.gpus and not request.share_asked:
        shares = dict.fromkeys(shares, 0.0)
    checks.check_placement(cluster, request.cpus, max(shares.values(), default=0.0))
    print(_told(request, cluster), flush=True)
    return Placement(request.cpus, shares)


def _told(request: Request, cluster: connect.Cluster) -> str:
    text = f"Ray: {cluster.nodes} node(s), {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs"
    if cluster.gpus and not any(request.shares.values()):
        text += "; they stay idle here: --preset cifar10 runs the paper's architecture on them"
    return text


def _write_study(request: Request) -> None:
    """The trials' folders and `study.json`, before the first of them starts."""
    for name, wanted in request.wanted.items():
        folder = request.store.folder(name)
        folder.create(wanted.trial)
        if name in request.hours:
            folder.reopen()

    def change(study: dict[str, Any]) -> dict[str, Any]:
        asked = {name: {"epochs": wanted.epochs} for name, wanted in request.wanted.items()}
        launches = [*study.get("launches", []), launch_entry(request.argv)]
        return study | {"preset": request.preset, "trials": asked, "launches": launches}

    request.store.update_study(request.study, change)
    request.profile.entered = True


def _tensorboard(request: Request) -> None:
    """Event files of reused trials, from their rows, and of the means over seeds."""
    folder = request.folder / "tensorboard"
    groups: dict[str, list[list[dict[str, Any]]]] = {}
    for name, wanted in request.wanted.items():
        rows = request.store.folder(name).rows()
        rows = [row for row in rows if row["epoch"] <= wanted.epochs]
        if not rows:
            continue
        if not (folder / name).exists():
            events.write_rows(folder / name, headline(wanted.trial), rows)
        groups.setdefault(f"mean-{group_name(wanted.trial)}", []).append(rows)
    for name, runs in groups.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        events.write_mean(folder / name, runs)
