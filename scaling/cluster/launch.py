"""One launch of a study: load the data, connect, run what is left, write the study's files."""

import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import ray

from scaling.cluster import pools
from scaling.cluster.checks import without_mps
from scaling.cluster.limits import CapReached, Limits
from scaling.cluster.measuring import Cells, check_same_data, fill, missing_cells, without_model
from scaling.cluster.mps import shared_gpus
from scaling.cluster.profile import Profile
from scaling.cluster.request import Request
from scaling.cluster.session import Session, connected, wait_for_gpus
from scaling.cluster.start_order import start_order
from scaling.cluster.tuner import Launcher, Placement, TrialsToRun
from scaling.data import datasets
from scaling.data.partition import divided
from scaling.runs.execute import Job
from scaling.storage import tensorboard
from scaling.trial import Data, data_of, group_name, headline
from scaling.trial.partition import Part
from scaling.trial.placement import Cluster, check_gpus, check_placement
from scaling.trial.schedule import Planned

NO_MPS = (
    "MPS does not run on node {}: trials there take turns on a GPU. Start it there before Ray: "
    "nvidia-cuda-mps-control -d"
)
Datasets = dict[Data, datasets.Dataset]


@dataclass
class Ended:
    """How a launch ended: at which cap, and what is missing beside trials."""

    cap: str | None = None
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Launch:
    """A request with its data sets, and what is kept of the launch in study.json."""

    request: Request
    data: Datasets
    profile: Profile
    entry: Mapping[str, Any]  # by which code and on what


def run(request: Request, profile: Profile, entry: Mapping[str, Any]) -> Ended:
    """Trains what is left and brings the study's folder up to date."""
    launch, ended = Launch(request, _check(request), profile, entry), Ended()
    if request.left or pools.lacking(request, launch.data) or _unmeasured(request):
        _on_ray(launch, ended)
        ended.missing += [f"the pool {name}" for name in pools.lacking(request, launch.data)]
    else:
        _write_study(launch)
    _name_without_model(request)
    with profile.part("tensorboard"):
        _tensorboard(request)
    return ended


def _check(request: Request) -> Datasets:
    """Everything that can be refused before Ray starts; returns the data sets."""
    loaded: Datasets = {}
    parts: dict[tuple[Data, Part], datasets.Dataset] = {}
    goes_on = request.left.keys() | _models(request)
    for key, trial in ((key, planned.trial) for key, planned in request.trials.items()):
        data = data_of(trial)
        if data not in loaded:
            loaded[data] = request.load(*data)
        part = (data, trial.part)
        if part not in parts:
            parts[part] = divided(loaded[data], trial.part)
        if key in goes_on:
            check_same_data(request.store.folder(key), parts[part])
        trial.check_levels(parts[part].levels)
    pools.check(request, loaded)
    return loaded


def _models(request: Request) -> set[str]:
    """The diffusion trials of this launch whose samples are read by what is left to run."""
    read = {pool for _, pool, _ in request.pool_users()}
    return {key for key, planned in request.trials.items() if planned.scheduled.pool in read}


def _on_ray(launch: Launch, ended: Ended) -> None:
    request, profile = launch.request, launch.profile
    limits, log = Limits(request.caps, request.lock.check), request.folder / "logs" / "ray.log"
    place = (request.address, request.store.root, log, limits, request.hung_after_s)
    staging = request.folder / f".staging-{time.time_ns()}"
    try:
        with (
            _side_by_side(request),
            connected(*place, timed=partial(profile.part, "ray")) as session,
        ):
            cluster = _awaited(request, session)
            placement = _placement(request, cluster)
            profile.width = _width(request, cluster, placement)
            _write_study(launch)
            launcher = Launcher(session, request.store, _work(launch), placement, staging)
            try:
                _phases(launch, launcher)
            finally:
                launcher.progress.close()
            with profile.part("metrics"):
                ended.missing += _measure(launch, launcher)
    except CapReached as cap:
        ended.cap = str(cap)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _side_by_side(request: Request) -> AbstractContextManager[None]:
    """NVIDIA's MPS around a Ray of our own; a cluster's nodes have it or not."""
    here = request.address == "local"
    mode = request.mps if here else "off"
    return shared_gpus(mode, request.shares_gpus, request.folder / "logs" / "mps", print)


def _work(launch: Launch) -> TrialsToRun:
    """What is left to run, and the data sets in the object store."""
    request = launch.request
    jobs = {key: _job(request, planned) for key, planned in request.trials.items()}
    hours = {key: planned.hours for key, planned in request.left.items()}
    return TrialsToRun(hours, jobs, {name: ray.put(part) for name, part in launch.data.items()})


def _job(request: Request, planned: Planned) -> Job:
    scheduled = planned.scheduled
    return Job(
        scheduled.epochs,
        scheduled.measure_every,
        request.folder / "tensorboard",
        kept_epochs=scheduled.kept_epochs,
        hung_after_s=request.hung_after_s,
    )


def _phases(launch: Launch, launcher: Launcher) -> None:
    """First what needs no pool, the diffusion models at its head; then pools; then the rest."""
    request, profile = launch.request, launch.profile
    waiting = {key: pool for key, pool, _ in request.pool_users()}
    first = _ordered(launch, [key for key in request.left if key not in waiting])
    first.sort(key=lambda key: not request.trials[key].trial.makes_pools)
    with profile.part("trials"):
        launcher.run(first, {})
    if waiting or pools.lacking(request, launch.data):
        with profile.part("sampling"):
            shares = launcher.placement.gpus
            there = pools.provide(launcher.session, request, launch.data, shares)
        rest = _ordered(launch, [key for key in waiting if waiting[key] in there])
        with profile.part("trials"):
            launcher.run(rest, there)


def _ordered(launch: Launch, keys: list[str]) -> list[str]:
    trials = {key: planned.trial for key, planned in launch.request.trials.items()}
    hours = {key: launch.request.left[key].hours for key in keys}
    return start_order(trials, hours, launch.profile.width)


def _width(request: Request, cluster: Cluster, placement: Placement) -> int:
    """How many of the trials that are left run at a time."""
    share = max((placement.gpus[key] for key in request.left), default=0.0)
    room = cluster.cpus // request.cpus
    room = min(room, cluster.gpus / share) if share else room
    return max(1, min(int(room), len(request.left)))


def _unmeasured(request: Request) -> list[Cells]:
    """The trials of which costly metrics are missing where models are kept."""
    wanted = [p.scheduled for p in request.trials.values() if p.scheduled.metrics]
    found = (
        missing_cells(request.store, s.key, s.metrics, s.kept_epochs, request.metric_settings)
        for s in wanted
    )
    return [cells for cells in found if cells]


def _name_without_model(request: Request) -> None:
    """Prints how many cells stay empty: another study trained their trials and kept no models."""
    wanted = [p.scheduled for p in request.trials.values() if p.scheduled.metrics]
    gone = [s for s in wanted if without_model(request.store, s.key, s.metrics, s.kept_epochs)]
    if gone:
        print(
            f"{len(gone)} trials were trained by another study, which did not keep their models of "
            f"all listed epochs: there {', '.join(gone[0].metrics)} stay unmeasured. Another "
            "--results trains them anew."
        )


def _measure(launch: Launch, launcher: Launcher) -> list[str]:
    """The costly metrics; returns those that failed, which are missing in the rows."""
    cells, failed = _unmeasured(launch.request), []
    if cells:
        store, shares = launch.request.store, launcher.placement.gpus
        failed = fill(launcher.session, store, cells, launch.data, shares)
        print("\n".join(f"Not measured: {line}" for line in failed), end="\n" if failed else "")
    return [f"metrics of {line.partition(':')[0]}" for line in failed]


def _awaited(request: Request, session: Session) -> Cluster:
    """The cluster, once it has a GPU where trials are planned for one and may wait."""
    if not any(planned.gpus for planned in request.trials.values()):
        return session.cluster
    return wait_for_gpus(session, request.wait_for_gpus_s)


def _placement(request: Request, cluster: Cluster) -> Placement:
    """The planned GPU shares; refused where there is no GPU and CPUs were not asked for."""
    shares = {key: planned.gpus for key, planned in request.trials.items()}
    text = f"Ray: {cluster.nodes} node(s), {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs"
    if cluster.gpus and not any(shares.values()):
        text += "; they stay idle here: --preset cifar10 runs the paper's architecture on them"
    most = max(shares.values(), default=0.0)
    if not request.gpus_fixed:
        check_gpus(most, cluster.gpus, "the cluster")
    check_placement(cluster, request.cpus, most)
    print(text, flush=True)
    if request.address != "local" and request.mps != "off" and request.shares_gpus:
        for node in without_mps():
            print(NO_MPS.format(node), flush=True)
    return Placement(request.cpus, shares)


def _write_study(launch: Launch) -> None:
    """The trials' folders and `study.json`, before the first of them starts."""
    request = launch.request
    for key, planned in request.trials.items():
        folder = request.store.folder(key)
        folder.create(planned.trial)
        if planned.is_left:
            folder.reopen()

    def change(study: dict[str, Any]) -> dict[str, Any]:
        asked = {key: {"epochs": p.scheduled.epochs} for key, p in request.trials.items()}
        launches = [*study.get("launches", []), launch.entry]
        return study | {"preset": request.preset, "trials": asked, "launches": launches}

    request.store.update_study(request.study, change)
    launch.profile.entered = True


def _tensorboard(request: Request) -> None:
    """Event files of reused trials, from their rows, and of the means over seeds."""
    folder = request.folder / "tensorboard"
    groups: dict[str, list[list[dict[str, Any]]]] = {}
    for key, planned in request.trials.items():
        rows = request.store.folder(key).rows()
        rows = [row for row in rows if row["epoch"] <= planned.scheduled.epochs]
        if not rows:
            continue
        if not (folder / key).exists():
            tensorboard.write_rows(folder / key, headline(planned.trial), rows)
        groups.setdefault(f"mean-{group_name(planned.trial)}", []).append(rows)
    for name, runs in groups.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        tensorboard.write_mean(folder / name, runs)
