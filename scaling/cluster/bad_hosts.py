"""Sets hosts aside on which trials only fail, and gives the attempts that they cost back.

A host where every process dies at once is always free, so Tune would start each trial there until
it has no attempts left. After a few such failures in a row, without a row of any trial in between,
this launch occupies the CPUs of the host, so that trials run on the others. If it was a single
trial that failed there, and it fails on another host too, the fault is the trial's, and the host is
used again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray._private import state
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

IN_A_ROW = 2  # failed attempts on a host, before their first row, after which it is set aside
GIVEN_BACK = 20  # most attempts that a host gives back: more would be a trial that always fails


@dataclass
class Attempt:
    """Holds Tune's trial, the id of the actor that trains it, and whether it has had a row."""

    trial: Any
    actor: str
    has_row: bool = False


@dataclass
class Host:
    """Holds the failures of a host since the last row there, and what occupies its CPUs."""

    failed: list[Any] = field(default_factory=list)  # Tune's trials
    keys: set[str] = field(default_factory=set)  # of the trials that have failed there
    occupied: list[Any] = field(default_factory=list)  # handles of the actors on its CPUs
    given_back: int = 0


class BadHosts:
    """Watches the attempts of all trials by host; `say` gets one line for a host set aside."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.attempts: dict[str, Attempt] = {}
        self.hosts: dict[str, Host] = {}  # by node id, those with failures only
        self.at_fault: set[str] = set()  # trials that fail on every host

    def __getstate__(self) -> dict[str, object]:
        """Returns the state of an inactive copy: Ray Tune writes its callbacks to disk."""
        return {"say": None, "attempts": {}, "hosts": {}, "at_fault": set()}

    def start(self, key: str, trial: Any) -> None:
        """Notes that an attempt at a trial has started."""
        actor = trial.temporary_state.ray_actor
        self.attempts[key] = Attempt(trial, actor._actor_id.hex() if actor else "")

    def row(self, key: str) -> None:
        """Notes a row: the host of this attempt works."""
        attempt = self.attempts.get(key)
        if attempt is None or attempt.has_row:
            return
        attempt.has_row = True
        if self.hosts and (host := self.hosts.get(node_of(attempt.actor) or "")):
            host.failed.clear()
            self._use_again(host, "a trial works there")

    def fail(self, key: str) -> None:
        """Notes that an attempt has failed; it may set its host aside."""
        attempt = self.attempts.pop(key, None)
        if attempt is None or attempt.has_row or key in self.at_fault:
            return
        node = node_of(attempt.actor)
        if node is None or self._is_at_fault(key, node):
            return
        host = self.hosts.setdefault(node, Host())
        host.failed.append(attempt.trial)
        host.keys.add(key)
        if not host.occupied and len(host.failed) >= IN_A_ROW and self._others(node):
            self._set_aside(node, host)
        if host.occupied:
            self._give_back(host)

    def _is_at_fault(self, key: str, node: str) -> bool:
        """Returns True if this trial alone had set another host aside, and uses that host again."""
        for name, host in self.hosts.items():
            if name != node and host.occupied and host.keys == {key}:
                self.at_fault.add(key)
                self._use_again(host, "its trial fails elsewhere too")
        return key in self.at_fault

    def _use_again(self, host: Host, why: str) -> None:
        if host.occupied:
            self.say(f"The host that was set aside is used again: {why}")
        host.occupied, host.keys = [], set()  # actors end with their last handle

    def _others(self, node: str) -> list[str]:
        """Returns the hosts that are left without this one."""
        left = {name for name, _, _ in living() if name != node}
        return sorted(left - {name for name, host in self.hosts.items() if host.occupied})

    def _set_aside(self, node: str, host: Host) -> None:
        """Occupies each CPU of the host, as soon as it is free."""
        address, cpus = next(((a, n) for name, a, n in living() if name == node), ("", 0))
        on_host = NodeAffinitySchedulingStrategy(node, soft=False)
        place = OCCUPANT.options(scheduling_strategy=on_host)
        host.occupied = [place.remote() for _ in range(int(cpus))]
        if host.occupied:
            self.say(
                f"The host {address} is set aside: {len(host.failed)} attempts in a row failed "
                "there before their first row. They are not counted, and the trials run on the "
                "other hosts. Its Ray logs say why; repair it, or stop it with: ray stop"
            )

    def _give_back(self, host: Host) -> None:
        for trial in host.failed:
            if host.given_back < GIVEN_BACK:
                host.given_back += 1
                data = trial.run_metadata
                data.num_failures = max(0, data.num_failures - 1)
        host.failed.clear()


class Occupant:
    """Occupies a CPU while it lives."""


OCCUPANT: Any = ray.remote(num_cpus=1)(Occupant)


def living() -> Iterator[tuple[str, str, float]]:
    """Yields the id, the address and the number of CPUs of each living host that has some."""
    for node in ray.nodes():
        if node["Alive"] and (cpus := node["Resources"].get("CPU", 0.0)):
            yield node["NodeID"], node["NodeManagerAddress"], cpus


def node_of(actor: str) -> str | None:
    """Returns the id of the host on which an actor runs or ran, or None if that is not known."""
    try:
        return state.actors(actor)["Address"]["NodeID"] or None
    except (KeyError, TypeError, ValueError):
        return None
