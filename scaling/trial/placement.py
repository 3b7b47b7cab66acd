"""Checks that a machine or cluster has the CPUs and the share of a GPU that a trial needs."""

import math
from dataclasses import dataclass

from scaling.errors import UsageError

ROUNDING = 1e-6  # of a share such as 1/3, three of which are a whole GPU


@dataclass(frozen=True)
class Cluster:
    """Describes the hardware: all CPUs and GPUs, the most of each on one node, and every node."""

    nodes: int
    cpus: float
    gpus: float
    cpus_per_node: float
    gpus_per_node: float
    each: tuple[tuple[float, float], ...] = ()  # CPUs and GPUs, node by node
    name: str = "no node of the cluster has more than"

    @classmethod
    def of_nodes(cls, nodes: tuple[tuple[float, float], ...]) -> "Cluster":
        """Returns the cluster that consists of these nodes, (CPUs, GPUs) each."""
        cpus, gpus = zip(*nodes, strict=True)
        return cls(len(nodes), sum(cpus), sum(gpus), max(cpus), max(gpus), nodes)

    @classmethod
    def of_this_machine(cls, cpus: float, gpus: float) -> "Cluster":
        """Returns this machine as a cluster of one node."""
        return cls(1, cpus, gpus, cpus, gpus, name="this machine has")

    def side_by_side(self, cpus: float, gpus: float) -> int:
        """Returns how many trials with these CPUs and this share of a GPU run at a time.

        Each trial runs on one node, and a share is part of one GPU: on two GPUs there are two
        trials with a share of 0.6 each, not three.
        """
        each = self.each or ((self.cpus, self.gpus),)
        return int(sum(min(c // cpus, _fitting(g, gpus)) for c, g in each))


def per_gpu(share: float) -> int:
    """Returns how many trials with this share of a GPU run on one GPU at a time, at least 1."""
    return max(1, int(1 / share + ROUNDING))


def _fitting(gpus: float, share: float) -> float:
    """Returns how many trials with this share fit these GPUs; `inf` if they need none."""
    if not share:
        return math.inf
    return int(gpus) * per_gpu(share) if share < 1 else gpus // share


def check_gpus(planned: float, available: float, name: str) -> None:
    """Raises UsageError if trials planned for GPUs would start without one, for days on CPUs."""
    if planned and not available:
        raise UsageError(
            f"The trials are planned for a GPU, and {name} has none. Give --gpus-per-trial 0 to "
            "train on CPUs anyway, --wait-for-gpus MINUTES for a cluster whose GPUs join later, "
            "or another --preset or --address."
        )


def check_placement(cluster: Cluster, cpus: float, gpus: float) -> None:
    """Raises UsageError for a trial that is too large for every node of the cluster."""
    if gpus and gpus > cluster.gpus_per_node:
        raise UsageError(
            f"A trial needs {gpus:g} GPU, and {cluster.name} {cluster.gpus_per_node:g}. "
            "Use --gpus-per-trial 0, or connect to a cluster with GPUs by --address."
        )
    if cpus > cluster.cpus_per_node:
        raise UsageError(
            f"A trial needs {cpus:g} CPUs, and {cluster.name} {cluster.cpus_per_node:g}. "
            f"{_fewer(cluster.cpus_per_node)}"
        )
    if cluster.each and not any(c >= cpus and g >= gpus for c, g in cluster.each):
        fitting = max(c for c, g in cluster.each if g >= gpus)
        raise UsageError(
            f"A trial needs {cpus:g} CPUs and {gpus:g} GPU, and no node of the cluster has "
            f"both. {_fewer(fitting)}"
        )


def _fewer(cpus: float) -> str:
    """Returns advice: fewer CPUs per trial, unless the cluster has none, or a larger cluster."""
    larger = "onnect to a larger cluster by --address."
    return f"Use --cpus-per-trial {cpus:g}, or c{larger}" if cpus > 0 else f"C{larger}"
