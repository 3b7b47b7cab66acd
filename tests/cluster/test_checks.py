"""What every node of a cluster must have, with a stub of Ray."""

from types import SimpleNamespace

import pytest
from ray.exceptions import TaskUnschedulableError

from scaling.cluster import checks
from scaling.errors import UsageError


class Task:
    """A remote function that returns the node on which it was called, and its arguments."""

    def __init__(self, node=None):
        self.node = node

    def options(self, scheduling_strategy):
        assert not scheduling_strategy.soft  # on this node or nowhere
        return Task(scheduling_strategy.node_id)

    def remote(self, *arguments):
        return (self.node, arguments)


def node(name, resources, alive=True):
    return {
        "NodeManagerAddress": f"10.0.0.{name}", "NodeID": str(name) * 56, "Alive": alive,
        "Resources": resources,
    }  # fmt: skip


def test_a_check_runs_once_on_every_living_node_with_the_resource(monkeypatch):
    nodes = [
        node(1, {"CPU": 4.0}), node(2, {"CPU": 8.0, "GPU": 2.0}),
        node(3, {"CPU": 8.0, "GPU": 2.0}, alive=False), node(4, {"CPU": 1.0, "GPU": 0.0}),
    ]  # fmt: skip
    ray = SimpleNamespace(nodes=lambda: nodes, get=lambda answer, timeout: answer)
    monkeypatch.setattr(checks, "ray", ray)
    by_cpu = checks.on_nodes(Task(), "CPU", "x")
    assert by_cpu == {
        f"10.0.0.{n} {str(n) * 6}": (str(n) * 56, ("x",)) for n in (1, 2, 4)
    }  # fmt: skip
    assert list(checks.on_nodes(Task(), "GPU")) == ["10.0.0.2 222222"]


@pytest.mark.parametrize("dies", [True, False])
def test_a_node_that_dies_meanwhile_is_left_out(monkeypatch, dies):
    """A living node that does not answer is an error."""
    nodes = [node(1, {"CPU": 4.0}), node(2, {"CPU": 8.0})]

    def get(answer, timeout):
        if answer[0] == "2" * 56:
            nodes[1]["Alive"] = not dies
            raise TaskUnschedulableError("its node is gone")
        return answer

    monkeypatch.setattr(checks, "ray", SimpleNamespace(nodes=lambda: nodes, get=get))
    if dies:
        assert list(checks.on_nodes(Task(), "CPU")) == ["10.0.0.1 111111"]
    else:
        with pytest.raises(UsageError, match="The node 10.0.0.2 222222 cannot run"):
            checks.on_nodes(Task(), "CPU")


def test_nodes_without_mps_are_named(monkeypatch):
    monkeypatch.setattr(checks, "on_nodes", lambda task, resource: {"a": True, "b": False})
    assert checks.without_mps() == ["b"]
