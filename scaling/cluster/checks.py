"""What all nodes of a cluster must have in common: the results folder."""

from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.errors import UsageError


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
