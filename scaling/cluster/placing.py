"""Decides where a launch's trials run: waits for GPUs, fits shares to them, starts MPS."""

from contextlib import AbstractContextManager
from dataclasses import replace

from scaling.cluster.checks import gpus_of_nodes, without_mps
from scaling.cluster.mps import shared_gpus
from scaling.cluster.request import Request
from scaling.cluster.session import Session, wait_for_gpus
from scaling.cluster.tuner import Placement
from scaling.status.screen import print_lines
from scaling.trial.placement import Cluster, check_gpus, check_placement

NO_MPS = (
    "MPS does not run on node {}: trials there take turns on a GPU. Start it there before Ray: "
    "nvidia-cuda-mps-control -d"
)


def side_by_side(request: Request) -> AbstractContextManager[None]:
    """Starts NVIDIA's MPS around a local Ray; on a cluster the nodes must run it themselves."""
    is_local = request.address == "local"
    mode = request.mps if is_local else "off"
    return shared_gpus(mode, request.shares_gpus, request.folder / "logs" / "mps", print)


def awaited(request: Request, session: Session) -> Cluster:
    """Returns the cluster, after waiting for a first GPU if trials are planned for GPUs."""
    if not any(planned.gpus for planned in request.trials.values()):
        return session.cluster
    return wait_for_gpus(session, request.wait_for_gpus_s)


def fitted(request: Request) -> Request:
    """Returns the request with GPU shares and micro-batches for the GPUs of a cluster's nodes.

    The plan knew only the GPU of the driver's host. With GPUs of several sizes, a trial fits each
    of them, since Ray may start it on any. A share that the user has set is kept.
    """
    planned = any(trial.gpus for trial in request.trials.values())
    if request.address == "local" or request.gpus_fixed or not planned:
        return request
    gpus = {gpu for gpu in gpus_of_nodes().values() if gpu[1]}
    if not gpus:  # none whose memory is known
        return request
    name, size = min(gpus, key=lambda gpu: gpu[1])
    if len(gpus) > 1:
        sizes = ", ".join(f"{gpu} ({size / 1e9:.0f} GB)" for gpu, size in sorted(gpus))
        print(f"GPUs of the nodes: {sizes}; trials are planned for the smallest", flush=True)
    trials = {key: request.refit(t, name, size) for key, t in request.trials.items()}
    return replace(request, trials=trials)


def placement_of(request: Request, cluster: Cluster) -> Placement:
    """Returns the planned GPU shares of the trials and prints the cluster's resources.

    Raises UsageError if the cluster has no GPU and CPUs were not requested, or if a trial does not
    fit any node.
    """
    shares = {key: planned.gpus for key, planned in request.trials.items()}
    text = f"Ray: {cluster.nodes} node(s), {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs"
    if cluster.gpus and not any(shares.values()):
        text += "; no trial here uses them: --preset cifar10 runs the paper's architecture on GPUs"
    most = max(shares.values(), default=0.0)
    if not request.gpus_fixed:
        check_gpus(most, cluster.gpus, "the cluster")
    check_placement(cluster, request.cpus, most)
    print_lines([text])
    if request.address != "local" and request.mps != "off" and request.shares_gpus:
        for node in without_mps():
            print(NO_MPS.format(node), flush=True)
    return Placement(request.cpus, shares)
