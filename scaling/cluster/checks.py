"""What a cluster must offer: a node that can run a trial, a results folder that all nodes see."""

from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.cluster.connect import Cluster
from scaling.errors import UsageError


def check_placement(cluster: Cluster, cpus: float, gpus: float) -> None:
    """Raises UsageError for a trial that no node of the cluster can ever run."""
    if gpus and gpus > cluster.gpus_per_node:
        raise UsageError(
            f"A trial asks for {gpus:g} GPU, and no node of the cluster has more than "
            f"{cluster.gpus_per_node:g}. Use --gpus-per-trial 0, or connect to a cluster with GPUs "
            "by --address."
        )
    if cpus > cluster.cpus_per_node:
        raise UsageError(
            f"A trial asks for {cpus:g} CPUs, and no node of the cluster has more than "
            f"{cluster.cpus_per_node:g}. Use --cpus-per-trial {max(1, cluster.cpus_per_node):g}."
        )
    if cluster.each and not any(c >= cpus and g >= gpus for c, g in cluster.each):
        fitting = max(c for c, g in cluster.each if g >= gpus)
        raise UsageError(
            f"A trial asks for {cpus:g} CPUs and {gpus:g} GPU, and no node of the cluster has "
            f"both. Use --cpus-per-trial {max(1, fitting):g}."
        )


def check_shared(folder: Path) -> None:
    """Raises UsageError where a node of the cluster does not see the results folder."""
    marker = folder / ".shared"
    marker.write_text("seen by every node\n")
    try:
        asked = {
            node["NodeManagerAddress"] + " " + node["NodeID"][:6]: _sees.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(str(marker))
            for node in ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU")
        }
        blind = [name for name, seen in asked.items() if not ray.get(seen, timeout=60)]
    finally:
        marker.unlink()
    if blind:
        raise UsageError(
            f"{folder} is not shared: node {', '.join(blind)} does not see it. Give a folder that "
            "every node mounts with --results DIR."
        )


@ray.remote(num_cpus=0)
def _sees(path: str) -> bool:
    return Path(path).exists()
