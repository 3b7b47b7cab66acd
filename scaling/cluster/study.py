"""One launch of a study: load the data, connect, run what is left, write the study's files."""

import shutil
import time
from typing import Any

import ray

from scaling import events
from scaling.checked import UsageError
from scaling.cluster import connect, pools
from scaling.cluster.evaluate import Cells, fill, missing
from scaling.cluster.launch import Launcher, Placement, Work
from scaling.cluster.limits import CapReached, Caps, Limits
from scaling.cluster.order import order
from scaling.cluster.request import Request
from scaling.cluster.worker import Job
from scaling.data import datasets
from scaling.provenance import launch_entry
from scaling.trial import Data, data_of, group_name, headline

Images = dict[Data, datasets.Dataset]


def run(request: Request) -> str | None:
    """Trains what is left and brings the study's folder up to date; returns the cap reached."""
    data = _check(request)
    stopped = None
    if request.hours or pools.lacking(request, data) or _unmeasured(request):
        with connect.logged_to(request.folder / "logs" / "ray.log"):
            stopped = _on_ray(request, data)
    else:
        _write_study(request)
    with request.profile.part("tensorboard"):
        _tensorboard(request)
    return stopped


def _check(request: Request) -> Images:
    """Everything that can be refused before Ray starts; returns the data sets."""
    loaded: Images = {}
    parts: dict[tuple[Data, int | None, int], datasets.Dataset] = {}
    for name, trial in ((name, wanted.trial) for name, wanted in request.wanted.items()):
        data = data_of(trial)
        if data not in loaded:
            loaded[data] = datasets.load(data[0], request.data_root, request.offline, data[1])
        part = (data, trial.train_size, trial.split)
        if part not in parts:
            parts[part] = datasets.split(loaded[data], trial.train_size, trial.split)
        _check_same_data(request, name, parts[part])
    pools.check(request, loaded)
    return loaded


def _check_same_data(request: Request, name: str, data: datasets.Dataset) -> None:
    """A trial goes on with the images that it began with, the JPEG copy or the official ones."""
    rows = request.store.folder(name).rows() if name in request.hours else []
    known = [row["fingerprint"] for row in rows if "fingerprint" in row]
    if known and known[-1] != data.fingerprint:
        raise UsageError(
            f"The trial {name} began on other images of {data.name} (fingerprint {known[-1]}, now "
            f"{data.fingerprint}). Give that --data-root again, or another --results."
        )


def _on_ray(request: Request, data: Images) -> str | None:
    staging = request.folder / f".staging-{time.time_ns()}"
    try:
        with request.profile.part("ray"):
            cluster = connect.connect(request.address)
        placement = _placement(request, cluster)
        request.profile.width = _width(request, cluster, placement)
        if cluster.nodes > 1:
            connect.check_shared(request.store.root)
        _write_study(request)
        jobs = {
            name: Job(
                wanted.epochs,
                wanted.measure_every,
                request.folder / "tensorboard",
                kept=wanted.metric_epochs,
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
            _measure(request, launcher, data)
    except CapReached as cap:
        return str(cap)
    finally:
        with request.profile.part("ray"):
            ray.shutdown()
        shutil.rmtree(staging, ignore_errors=True)
    return None


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


def _measure(request: Request, launcher: Launcher, data: Images) -> None:
    """The costly metrics; one that fails is told, and missing in the rows."""
    cells = _unmeasured(request)
    if cells:
        shares, say, look = launcher.placement.gpus, launcher.progress.say, launcher.limits.look
        told = fill(request.store, cells, data, shares, say, look, request.row_timeout * 60)
        print("\n".join(f"Not measured: {line}" for line in told), end="\n" if told else "")


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
