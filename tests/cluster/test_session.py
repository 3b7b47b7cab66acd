"""Waiting for a cluster's first GPU, and what Ray prints during a launch."""

from types import SimpleNamespace
from typing import Any

import pytest
from ray._private import worker

from scaling.cluster import session as module
from scaling.cluster.session import Session, wait_for_gpus
from scaling.trial.placement import Cluster

CPUS, GPUS = Cluster.of_nodes(((4.0, 0.0),)), Cluster.of_nodes(((4.0, 0.0), (4.0, 1.0)))


@pytest.fixture
def clock(monkeypatch):
    made = SimpleNamespace(now=0.0, looks=0, comes_after=3, asked=[])

    def sleep(seconds):
        made.now += seconds

    def resources():
        made.looks += 1
        return GPUS if made.looks >= made.comes_after else CPUS

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=sleep))
    monkeypatch.setattr(module, "resources", resources)
    monkeypatch.setattr(module, "request_resources", lambda bundles: made.asked.append(bundles))
    return made


def session(lines):
    limits: Any = SimpleNamespace(check=lambda gpus: None)
    return Session(CPUS, limits, 0.0, lines.append)


def test_a_session_waits_until_a_gpu_comes(clock):
    lines: list[Any] = []
    assert wait_for_gpus(session(lines), 600.0) == GPUS
    assert clock.looks == 3 and clock.now == 15.0
    assert clock.asked == [[{"GPU": 1}], []]  # requested from the autoscaler, then withdrawn
    assert lines == ["No GPU in the cluster yet: waiting for up to 10 min"]


def test_a_session_waits_no_longer_than_the_given_time(clock):
    clock.comes_after = 1000
    assert wait_for_gpus(session([]), 60.0) == CPUS
    assert clock.now == 60.0
    assert clock.asked[-1] == []


def test_by_default_a_session_does_not_wait(clock):
    lines: list[Any] = []
    assert wait_for_gpus(session(lines), 0.0) == CPUS
    assert not lines and not clock.looks and not clock.asked


def test_what_ray_prints_between_the_lines_goes_to_its_log(tmp_path, capfd):
    log = tmp_path / "logs" / "ray.log"
    message = {"lines": ["The node with node id: 1 is dead"], "pid": "raylet", "is_err": False}
    with module.logged_to(log):
        worker.print_to_stdstream(message, ignore_prefix=False)
        print("ours")
    assert capfd.readouterr().out == "ours\n"
    assert "(raylet) The node with node id: 1 is dead" in log.read_text()
