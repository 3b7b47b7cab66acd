"""One launch of a study: load the data, connect, run what is left, write the study's files."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from scaling import events
from scaling.cluster import connect
from scaling.cluster.launch import CapReached, Caps, Placement, Work, launch
from scaling.cluster.worker import Job
from scaling.data import datasets, sources
from scaling.provenance import launch_entry
from scaling.store import Store
from scaling.trial import Trial, group_name, headline


@dataclass(frozen=True)
class Request:
    """What the command line asked for; `hours` and `shares` name the trials left to run."""

    study: str
    preset: str
    store: Store
    trials: Mapping[str, Trial]
    hours: Mapping[str, float]
    shares: Mapping[str, float]
    share_asked: bool  # for a GPU share, rather than auto
    cpus: float
    epochs: int
    measure_every: int
    address: str
    data_root: Path | None
    max_hours: float | None
    max_gpu_hours: float | None
    lock: Path
    argv: list[str]


def run(request: Request) -> str | None:
    """Trains what is left and brings the study's folder up to date; returns the cap reached."""
    data = _check(request)
    stopped = None
    if request.hours:
        with connect.logged_to(request.store.study(request.study) / "logs" / "ray.log"):
            stopped = _on_ray(request, data)
    else:
        _write_study(request)
    _tensorboard(request)
    return stopped


def _check(request: Request) -> dict[str, datasets.Dataset]:
    """Everything that can be refused before Ray starts; returns the data sets."""
    loaded: dict[str, datasets.Dataset] = {}
    for trial in request.trials.values():
        sources.check(trial.source)
        if trial.dataset not in loaded:
            loaded[trial.dataset] = datasets.load(trial.dataset, request.data_root)
        datasets.split(loaded[trial.dataset], trial.train_size, trial.split)
    return loaded


def _on_ray(request: Request, data: dict[str, datasets.Dataset]) -> str | None:
    store, folder = request.store, request.store.study(request.study)
    staging = folder / f".staging-{time.time_ns()}"
    try:
        cluster = connect.connect(request.address)
        placement = _placement(request, cluster)
        if cluster.nodes > 1:
            connect.check_shared(store.root)
        _write_study(request)
        job = Job(request.epochs, request.measure_every, folder / "tensorboard")
        caps = Caps(request.max_hours, request.max_gpu_hours)
        launch(store, Work(request.hours, job, data), placement, caps, staging, request.lock)
    except CapReached as cap:
        return str(cap)
    finally:
        ray.shutdown()
        shutil.rmtree(staging, ignore_errors=True)
    return None


def _placement(request: Request, cluster: connect.Cluster) -> Placement:
    """The planned GPU shares, none where `auto` meets a cluster without GPUs."""
    shares = dict(request.shares)
    if not cluster.gpus and not request.share_asked:
        shares = dict.fromkeys(shares, 0.0)
    connect.check_placement(cluster, request.cpus, max(shares.values()))
    print(_told(request, cluster), flush=True)
    return Placement(request.cpus, shares)


def _told(request: Request, cluster: connect.Cluster) -> str:
    text = f"Ray: {cluster.nodes} node(s), {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs"
    if cluster.gpus and not any(request.shares.values()):
        text += "; they stay idle here: --preset cifar10 runs the paper's architecture on them"
    return text


def _write_study(request: Request) -> None:
    """The trials' folders and `study.json`, before the first of them starts."""
    for name, trial in request.trials.items():
        folder = request.store.folder(name)
        folder.create(trial)
        if name in request.hours:
            folder.reopen()

    def change(study: dict[str, Any]) -> dict[str, Any]:
        asked = {name: {"epochs": request.epochs} for name in request.trials}
        launches = [*study.get("launches", []), launch_entry(request.argv)]
        return study | {"preset": request.preset, "trials": asked, "launches": launches}

    request.store.update_study(request.study, change)


def _tensorboard(request: Request) -> None:
    """Event files of reused trials, from their rows, and of the means over seeds."""
    folder = request.store.study(request.study) / "tensorboard"
    groups: dict[str, list[list[dict[str, Any]]]] = {}
    for name, trial in request.trials.items():
        rows = request.store.folder(name).rows()
        rows = [row for row in rows if row["epoch"] <= request.epochs]
        if not rows:
            continue
        if not (folder / name).exists():
            events.write_rows(folder / name, headline(trial), rows)
        groups.setdefault(f"mean-{group_name(trial)}", []).append(rows)
    for name, runs in groups.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        events.write_mean(folder / name, runs)
