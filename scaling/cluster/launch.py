"""Launches a study: loads data, connects to Ray, runs unfinished trials, writes its files."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial

import ray

from scaling.cluster import pools
from scaling.cluster.costly_metrics import name_without_model, unmeasured
from scaling.cluster.display import progress_of, width_of
from scaling.cluster.events import EventsCallback
from scaling.cluster.limits import CapReached, Caps, Limits
from scaling.cluster.measuring import fill
from scaling.cluster.placing import awaited, fitted, placement_of, side_by_side
from scaling.cluster.profile import Profile
from scaling.cluster.request import Request
from scaling.cluster.session import Session, connected
from scaling.cluster.staging import staged
from scaling.cluster.start_order import start_order
from scaling.cluster.tuner import Launcher, TrialsToRun
from scaling.data import datasets
from scaling.data.partition import divided
from scaling.runs import pictures
from scaling.runs.execute import Job
from scaling.runs.same_data import check_same_data
from scaling.status.tracking import STARTING
from scaling.storage.contents import Epochs, StudyFile
from scaling.storage.provenance import LaunchEntry
from scaling.trial import Data, data_of
from scaling.trial.partition import Part
from scaling.trial.schedule import Planned

Datasets = dict[Data, datasets.Dataset]


@dataclass
class Ended:
    """Reports how a launch ended: the cap reached, what is missing besides trials, hours used."""

    cap: str | None = None
    missing: list[str] = field(default_factory=list)
    used: Caps | None = None  # the caps with hours used; None if Ray was not needed


@dataclass(frozen=True)
class Launch:
    """Holds a request, its data sets, its time profile and its entry for study.json."""

    request: Request
    data: Datasets
    profile: Profile
    entry: LaunchEntry  # the code, versions and hardware


def run(request: Request, profile: Profile, entry: LaunchEntry) -> Ended:
    """Runs the unfinished trials of a study and updates the study's folder."""
    launch, ended = Launch(request, _check(request), profile, entry), Ended()
    if request.left or pools.lacking(request, launch.data) or unmeasured(request):
        _on_ray(launch, ended)
        ended.missing += [f"the pool {name}" for name in pools.lacking(request, launch.data)]
    else:
        _write_study(launch)
    name_without_model(request)
    _restore_pictures(launch)
    with profile.part("tensorboard"):
        request.events.finish()
    return ended


def _check(request: Request) -> Datasets:
    """Makes all checks that can fail before Ray starts; returns the data sets."""
    loaded: Datasets = {}
    parts: dict[tuple[Data, Part], datasets.Dataset] = {}
    for key, trial in ((key, planned.trial) for key, planned in request.trials.items()):
        data = data_of(trial)
        if data not in loaded:
            loaded[data] = request.load(*data)
        part = (data, trial.part)
        if part not in parts:
            parts[part] = divided(loaded[data], trial.part)
        check_same_data(request.store.folder(key), parts[part])
        pools.check_same_samples(request.store, key, trial)
        trial.check_levels(parts[part].levels)
    pools.check(request, loaded)
    return loaded


def _on_ray(launch: Launch, ended: Ended) -> None:
    request, profile = _with_uses(launch), launch.profile
    limits = Limits(request.caps, request.lock.check, request.gpu_hours_before)
    try:
        with (
            side_by_side(request),
            staged(request) as staging,
            _connected(request, profile, limits) as session,
        ):
            cluster = awaited(request, session)
            request = fitted(request)
            launch = replace(launch, request=request)
            placement = placement_of(request, cluster)
            profile.width = width_of(request, cluster, placement)
            _write_study(launch)
            progress = progress_of(request, placement, profile.width)
            profile.retried = progress.activity.retried
            where = (placement, staging, progress)
            watch = [EventsCallback(request.events, progress.say)]
            launcher = Launcher(session, request.store, _to_run(launch), *where, watch)
            try:
                _phases(launch, launcher)
                with profile.part("metrics"):
                    ended.missing += _measure(launch, launcher)
            finally:
                progress.close()
    except CapReached as cap:
        ended.cap = str(cap)
    finally:
        ended.used, profile.gpu_hours = limits.used, limits.gpu_hours


def _with_uses(launch: Launch) -> Request:
    """Returns the request with the trials that use their GPU shares for more than training.

    They are measured, or samples of their models are drawn. Nothing is read from disk unless trials
    share GPUs for no other reason.
    """
    request, data = launch.request, launch.data
    if request.shares_gpus or not any(0 < p.gpus < 1 for p in request.trials.values()):
        return request
    sampled = pools.pool_requests(request, data)
    models = {str(sampled[name].spec.model) for name in pools.lacking(request, data)}
    measured = {cells.key for cells in unmeasured(request)}
    return replace(request, used_again=frozenset(models | measured))


def _connected(
    request: Request, profile: Profile, limits: Limits
) -> AbstractContextManager[Session]:
    """Connects to the launch's Ray; the profile records the time to join and to leave."""
    return connected(
        request.address,
        request.store.root,
        request.folder / "logs" / "ray.log",
        limits,
        request.hung_after_s,
        timed=partial(profile.part, "ray"),
        cpus=request.local_cpus,
    )


def _to_run(launch: Launch) -> TrialsToRun:
    """Returns the unfinished trials, with the data sets in Ray's object store."""
    request = launch.request
    jobs = {key: _job(request, planned) for key, planned in request.left.items()}
    hours = {key: planned.hours for key, planned in request.left.items()}
    return TrialsToRun(hours, jobs, {name: ray.put(part) for name, part in launch.data.items()})


def _job(request: Request, planned: Planned) -> Job:
    scheduled = planned.scheduled
    return Job(
        scheduled.epochs,
        scheduled.measure_every,
        request.events.place(scheduled.key),
        kept_epochs=scheduled.kept_epochs,
        micro_batch=planned.micro_batch,
        hung_after_s=request.hung_after_s,
        fence=request.lock.fence,
    )


def _phases(launch: Launch, launcher: Launcher) -> None:
    """Runs the trials in three phases.

    First come trials that need no pool, diffusion models before the others; then pools are sampled;
    then trials that read pools run.
    """
    request, profile = launch.request, launch.profile
    waiting = {key: pool for key, pool, _ in request.pool_users()}
    first = _ordered(launch, [key for key in request.left if key not in waiting])
    first.sort(key=lambda key: not request.trials[key].trial.makes_pools)
    with profile.part("trials"):
        launcher.progress.phase(STARTING)
        launcher.run(first, {})
    if waiting or pools.lacking(request, launch.data):
        with profile.part("sampling"):
            launcher.progress.phase("drawing samples of the diffusion models")
            shares = launcher.placement.gpus
            provided = pools.provide(launcher.session, request, launch.data, shares)
        rest = _ordered(launch, [key for key in waiting if waiting[key] in provided])
        with profile.part("trials"):
            launcher.progress.phase("training on samples of the diffusion models")
            launcher.run(rest, provided)


def _ordered(launch: Launch, keys: list[str]) -> list[str]:
    trials = {key: planned.trial for key, planned in launch.request.trials.items()}
    hours = {key: launch.request.left[key].hours for key in keys}
    return start_order(trials, hours, launch.profile.width)


def _restore_pictures(launch: Launch) -> None:
    """Recreates lost pictures; prints how many trials have lost theirs permanently."""
    store, count = launch.request.store, 0
    for key, planned in launch.request.trials.items():
        if pictures.are_lost(folder := store.folder(key)):
            data = launch.data[data_of(planned.trial)]
            count += not pictures.made_again(folder, data)
    if count:
        print(
            f"{count} finished trials have lost arrays.npz and the model of their last epoch: they "
            "are missing in pictures. Their rows are complete."
        )


def _measure(launch: Launch, launcher: Launcher) -> list[str]:
    """Measures the costly metrics; returns the ones that failed, which the rows lack."""
    cells, failed = unmeasured(launch.request), []
    if cells:
        shares, fence = launcher.placement.gpus, launch.request.lock.fence
        launcher.progress.phase("measuring the costly metrics")
        session, store = launcher.session, launch.request.store
        failed = fill(session, store, cells, launch.data, shares, fence)
        for line in failed:
            launcher.progress.say(f"Not measured: {line}")
    return [f"metrics of {line.partition(':')[0]}" for line in failed]


def _write_study(launch: Launch) -> None:
    """Creates the trials' folders and `study.json`, before the first trial starts."""
    request = launch.request
    for key, planned in request.trials.items():
        folder = request.store.folder(key)
        folder.create(planned.trial)
        if planned.is_left:
            folder.reopen()

    def change(study: StudyFile) -> StudyFile:
        trials: dict[str, Epochs] = {
            key: {"epochs": p.scheduled.epochs} for key, p in request.trials.items()
        }
        launches = [*study.get("launches", []), launch.entry]
        return study | {"preset": request.preset, "trials": trials, "launches": launches}

    request.store.update_study(request.study, change)
    launch.profile.entered = True
    with launch.profile.part("tensorboard"):
        request.events.begin()
