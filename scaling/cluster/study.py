"""One launch of a study: load the data, connect, run what is left, write the study's files."""

import shutil
import time
from typing import Any

import ray

from scaling import events
from scaling.cluster import connect, pools
from scaling.cluster.launch import CapReached, Caps, Launcher, Placement, Work
from scaling.cluster.request import Request
from scaling.cluster.worker import Job
from scaling.data import datasets
from scaling.provenance import launch_entry
from scaling.trial import group_name, headline


def run(request: Request) -> str | None:
    """Trains what is left and brings the study's folder up to date; returns the cap reached."""
    data = _check(request)
    stopped = None
    if request.hours or pools.lacking(request, data):
        with connect.logged_to(request.folder / "logs" / "ray.log"):
            stopped = _on_ray(request, data)
    else:
        _write_study(request)
    _tensorboard(request)
    return stopped


def _check(request: Request) -> dict[str, datasets.Dataset]:
    """Everything that can be refused before Ray starts; returns the data sets."""
    loaded: dict[str, datasets.Dataset] = {}
    for trial in (wanted.trial for wanted in request.wanted.values()):
        if trial.dataset not in loaded:
            loaded[trial.dataset] = datasets.load(
                trial.dataset, request.data_root, request.offline
            )
        datasets.split(loaded[trial.dataset], trial.train_size, trial.split)
    pools.check(request, loaded)
    return loaded


def _on_ray(request: Request, data: dict[str, datasets.Dataset]) -> str | None:
    staging = request.folder / f".staging-{time.time_ns()}"
    try:
        cluster = connect.connect(request.address)
        placement = _placement(request, cluster)
        if cluster.nodes > 1:
            connect.check_shared(request.store.root)
        _write_study(request)
        jobs = {
            name: Job(wanted.epochs, wanted.measure_every, request.folder / "tensorboard")
            for name, wanted in request.wanted.items()
        }
        work = Work(request.hours, jobs, data)
        caps = Caps(request.max_hours, request.max_gpu_hours)
        launcher = Launcher(request.store, work, placement, caps, staging, request.lock)
        try:
            _phases(request, launcher)
        finally:
            launcher.progress.close()
    except CapReached as cap:
        return str(cap)
    finally:
        ray.shutdown()
        shutil.rmtree(staging, ignore_errors=True)
    return None


def _phases(request: Request, launcher: Launcher) -> None:
    """First what needs no pool, the diffusion models at its head; then pools; then the rest."""
    waiting = {name: pool for name, pool, _ in request.pool_users()}
    data = launcher.work.datasets
    first = [name for name in request.hours if name not in waiting]
    first.sort(key=lambda name: request.wanted[name].trial.kind != "diffusion")
    launcher.run(first, {})
    if waiting or pools.lacking(request, data):
        there = pools.provide(request, data, launcher.progress.say)
        launcher.run([name for name in request.hours if waiting.get(name) in there], there)


def _placement(request: Request, cluster: connect.Cluster) -> Placement:
    """The planned GPU shares, none where `auto` meets a cluster without GPUs."""
    shares = dict(request.shares)
    if not cluster.gpus and not request.share_asked:
        shares = dict.fromkeys(shares, 0.0)
    connect.check_placement(cluster, request.cpus, max(shares.values(), default=0.0))
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
