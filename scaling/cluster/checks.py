"""What the nodes of a cluster must have: the results folder in common, MPS for shared GPUs."""

from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.cluster import mps
from scaling.errors import UsageError


def check_shared(folder: Path) -> None:
    """Raises UsageError where a node of the cluster does not see the results folder."""
    marker = folder / ".shared"
    marker.write_text("seen by every node\n")
    try:
        seen = on_nodes(_sees, "CPU", str(marker))
        blind = [name for name, sees in seen.items() if not sees]
    finally:
        marker.unlink()
    if blind:
        raise UsageError(
            f"{folder} is not shared: node {', '.join(blind)} does not see it. Give a folder that "
            "every node mounts with --results DIR."
        )


def without_mps() -> list[str]:
    """The nodes with GPUs on which NVIDIA's MPS does not run: trials there take turns on a GPU."""
    return [name for name, there in on_nodes(_has_mps, "GPU").items() if not there]


def on_nodes(task: Any, resource: str, *arguments: object) -> dict[str, Any]:
    """What the remote function returns on each node that has the resource, by the node's name."""
    asked = {
        node["NodeManagerAddress"] + " " + node["NodeID"][:6]: task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get(resource)
    }
    return {name: ray.get(answer, timeout=60) for name, answer in asked.items()}


@ray.remote(num_cpus=0)
def _has_mps() -> bool:
    return mps.running()


@ray.remote(num_cpus=0)
def _sees(path: str) -> bool:
    return Path(path).exists()
