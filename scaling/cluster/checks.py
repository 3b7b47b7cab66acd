"""Checks the nodes of a cluster: access to the results folder, equal code and versions, MPS."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.cluster import mps
from scaling.cluster.keeper import KeeperClient
from scaling.errors import UsageError
from scaling.storage.provenance import differences, environment
from scaling.trial import extensions
from scaling.trial.hardware import hardware

ANSWER_SECONDS = 60


def blind_nodes(client: KeeperClient) -> list[str]:
    """Returns the nodes that cannot see the results folder or may not write there.

    Each node reads a file that only this session has written: a folder of the same path on a node's
    own disk is not the shared one.
    """
    return [name for name, sees in on_nodes(_sees, "CPU", client).items() if not sees]


def check_same_code(
    environments: Callable[[Sequence[Path]], Mapping[str, Mapping[str, str]]],
) -> None:
    """Raises UsageError if a node has other code or versions than this process.

    Its rows would differ without any warning. `environments` returns the `environment` of each node
    by name, given the files of the user's modules, which are compared too.
    """
    files = [module.file for module in extensions.loaded()]
    ours = environment(files)
    for name, theirs in environments(files).items():
        if other := differences(ours, theirs):
            raise UsageError(
                f"The node {name} differs from this host: {other}. Its rows would differ too: "
                "install the same there, or stop that node."
            )


def environments_of_nodes(files: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Returns the `environment` of each node of the cluster that runs trials, by name."""
    return on_nodes(_environment, "CPU", files)


def without_mps() -> list[str]:
    """Returns the nodes with GPUs but without NVIDIA's MPS: trials there take turns on a GPU."""
    return [name for name, has_mps in on_nodes(_has_mps, "GPU").items() if not has_mps]


def gpus_of_nodes() -> dict[str, tuple[str, int]]:
    """Returns the name and the bytes of memory of each node's GPUs, by node; "" and 0: unknown."""
    return on_nodes(_gpu, "GPU")


def on_nodes(task: Any, resource: str, *arguments: object) -> dict[str, Any]:
    """Returns the result of a remote function on each node that has the resource, by node.

    A node that is declared dead meanwhile is left out: Ray starts nothing there. Raises UsageError
    for a living node that does not answer.
    """
    nodes = {
        node["NodeID"]: node["NodeManagerAddress"] + " " + node["NodeID"][:6]
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get(resource)
    }
    answers = {}
    for number in nodes:
        on_node = NodeAffinitySchedulingStrategy(number, soft=False)
        answers[number] = task.options(scheduling_strategy=on_node).remote(*arguments)
    results = {}
    for number, name in nodes.items():
        with suppress(_Gone):
            results[name] = _answer(number, name, answers[number])
    return results


class _Gone(Exception):
    """Says that a node has been declared dead."""


def _answer(number: str, name: str, answer: ray.ObjectRef) -> Any:
    try:
        return ray.get(answer, timeout=ANSWER_SECONDS)
    except (GetTimeoutError, RayError) as error:
        if not any(node["Alive"] for node in ray.nodes() if node["NodeID"] == number):
            raise _Gone from None
        raise UsageError(
            f"The node {name} cannot run this project's tasks ({type(error).__name__}). Check that "
            "this version of scaling-vae is installed there, or stop that node."
        ) from None


@ray.remote(num_cpus=0)
def _has_mps() -> bool:
    return mps.running()


@ray.remote(num_cpus=0)
def _gpu() -> tuple[str, int]:
    return hardware(on_gpu=True)


@ray.remote(num_cpus=0)
def _environment(files: Sequence[Path]) -> dict[str, str]:
    return environment(files)


@ray.remote(num_cpus=0)
def _sees(client: KeeperClient) -> bool:
    return client.sees
