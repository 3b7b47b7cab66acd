"""What the nodes of a cluster must have: results folder, code and versions in common; MPS."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.cluster import mps
from scaling.cluster.keeper import Courier
from scaling.errors import UsageError
from scaling.storage.provenance import differences, environment
from scaling.trial import extensions

ANSWER_SECONDS = 60


def blind_nodes(courier: Courier) -> list[str]:
    """The nodes that do not see the results folder, or may not write there.

    Each reads a mark of this session's alone and writes beside it: a folder of the same path on a
    node's own disk is no shared one.
    """
    return [name for name, sees in on_nodes(_sees, "CPU", courier).items() if not sees]


def check_alike(told: Callable[[Sequence[Path]], Mapping[str, Mapping[str, str]]]) -> None:
    """Raises UsageError where a node has other code or versions than this process.

    Their rows would differ without a word. `told` gives `environment` of each node by its name;
    modules of the user's are compared too.
    """
    files = [module.file for module in extensions.loaded()]
    ours = environment(files)
    for name, theirs in told(files).items():
        if other := differences(ours, theirs):
            raise UsageError(
                f"The node {name} differs from this host: {other}. Its rows would differ too: "
                "install the same there, or stop that node."
            )


def told_by_nodes(files: Sequence[Path]) -> dict[str, dict[str, str]]:
    """The `environment` of each node of the cluster that runs trials, by its name."""
    return on_nodes(_environment, "CPU", files)


def without_mps() -> list[str]:
    """The nodes with GPUs on which NVIDIA's MPS does not run: trials there take turns on a GPU."""
    return [name for name, there in on_nodes(_has_mps, "GPU").items() if not there]


def on_nodes(task: Any, resource: str, *arguments: object) -> dict[str, Any]:
    """What the remote function returns on each node that has the resource, by the node's name.

    Raises UsageError for a node that does not answer.
    """
    asked = {
        node["NodeManagerAddress"] + " " + node["NodeID"][:6]: task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get(resource)
    }
    return {name: _answer(name, answer) for name, answer in asked.items()}


def _answer(name: str, answer: ray.ObjectRef) -> Any:
    try:
        return ray.get(answer, timeout=ANSWER_SECONDS)
    except (GetTimeoutError, RayError) as error:
        raise UsageError(
            f"The node {name} does not run what it is sent ({type(error).__name__}). Check that "
            "this version of scaling-vae is installed there, or stop that node."
        ) from None


@ray.remote(num_cpus=0)
def _has_mps() -> bool:
    return mps.running()


@ray.remote(num_cpus=0)
def _environment(files: Sequence[Path]) -> dict[str, str]:
    return environment(files)


@ray.remote(num_cpus=0)
def _sees(courier: Courier) -> bool:
    return courier.sees
