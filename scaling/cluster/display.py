"""Makes the progress display of a launch from its request, and writes its plan.json."""

from dataclasses import replace

from scaling.cluster.progress import Progress
from scaling.cluster.request import Request
from scaling.cluster.tuner import Placement
from scaling.status.activity import Notes
from scaling.status.listed import DONE, Listed, Seen, listed
from scaling.status.status import glance
from scaling.trial.placement import Cluster
from scaling.trial.schedule import Planned


def progress_of(request: Request, placement: Placement, width: int) -> Progress:
    """Makes the progress display of a launch of `width` concurrent trials; writes its plan."""
    seen = {key: _seen(request, planned) for key, planned in request.trials.items()}
    trials = _listed(request, placement, seen)
    notes = Notes(request.folder, request.lock.holder["id"])
    notes.plan(trials.values(), request.plan, width)
    sampling = {f"pool {row['pool']}": row["hours"] for row in request.plan.get("pools", ())}
    titles = (request.study, request.preset)
    return Progress(trials.values(), seen, sampling, width=width, titles=titles, notes=notes)


def _seen(request: Request, planned: Planned) -> Seen:
    """Returns how far a trial is; the files of a finished one were read for the plan already."""
    if planned.state == DONE:
        return Seen(DONE, planned.scheduled.epochs)
    return glance(request.store.folder(planned.key), planned.scheduled.epochs)


def width_of(request: Request, cluster: Cluster, placement: Placement) -> int:
    """Returns the number of unfinished trials that run at a time."""
    gpu_share = max((placement.gpus[key] for key in request.left), default=0.0)
    return max(1, min(cluster.side_by_side(request.cpus, gpu_share), len(request.left)))


def _listed(request: Request, placement: Placement, seen: dict[str, Seen]) -> dict[str, Listed]:
    plain = listed(
        {key: planned.trial for key, planned in request.trials.items()},
        {key: planned.scheduled.epochs for key, planned in request.trials.items()},
    )
    return {
        key: replace(
            plain[key],
            hours=planned.hours,
            gpus=placement.gpus[key],
            begun=seen[key].epoch,
            left=planned.is_left,
        )
        for key, planned in request.trials.items()
    }
