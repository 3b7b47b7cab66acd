"""What all nodes of a cluster must have in common: the results folder, code and versions."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.errors import UsageError
from scaling.storage.provenance import environment
from scaling.trial import extensions

ANSWER_SECONDS = 60

Ask = Callable[..., dict[str, Any]]  # a function and its arguments -> its result on each node


def ask_nodes(function: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """Returns what the function gives on each node that is alive, by the node's name.

    Raises UsageError for nodes that do not answer.
    """
    task = ray.remote(num_cpus=0)(function)
    asked = {
        node["NodeManagerAddress"] + " " + node["NodeID"][:6]: task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU")
    }
    found = {}
    for name, answer in asked.items():
        try:
            found[name] = ray.get(answer, timeout=ANSWER_SECONDS)
        except (GetTimeoutError, RayError) as error:
            raise UsageError(
                f"The node {name} does not run what it is sent ({type(error).__name__}). Check "
                "that scaling-vae is installed there and that it has room, or stop that node."
            ) from None
    return found


def check_shared(folder: Path) -> None:
    """Raises UsageError where a node of the cluster does not see the results folder."""
    marker = folder / ".shared"
    marker.write_text("seen by every node\n")
    try:
        blind = [name for name, seen in ask_nodes(_sees, str(marker)).items() if not seen]
    finally:
        marker.unlink()
    if blind:
        raise UsageError(
            f"{folder} is not shared: node {', '.join(blind)} does not see it. Give a folder that "
            "every node mounts with --results DIR."
        )


def check_alike(ask: Ask = ask_nodes) -> None:
    """Raises UsageError where a node has other code or versions than this process.

    Their rows would differ without a word. Modules of the user's are compared too.
    """
    files = [m.file for m in extensions.loaded()]
    ours = environment(files)
    for name, theirs in ask(environment, files).items():
        other = [what for what in ours if theirs.get(what) != ours[what]]
        if other:
            raise UsageError(
                f"The node {name} has other versions than this host: "
                f"{'; '.join(_difference(what, ours, theirs) for what in other)}. Its rows would "
                "differ: install the same there, or stop that node."
            )


def _difference(what: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """As in: torch 2.7.0 in place of 2.8.0; of a hash its start."""
    there, here = (str(values.get(what, "missing"))[:12] for values in (theirs, ours))
    return f"{what} {there} in place of {here}"


def _sees(path: str) -> bool:
    return Path(path).exists()
