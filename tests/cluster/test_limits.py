"""Caps on hours: what is added up, when a launch stops, and that every wait checks them."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from scaling.cluster.limits import CapReached, Caps, Limits, as_they_end


@pytest.fixture
def clock(monkeypatch):
    """Makes a clock that moves only if it is set."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    return made


def test_hours_count_from_the_start_of_the_launch(clock):
    watched = Limits(Caps(hours=1.0))
    clock.now += 3599
    watched.check(0.0)
    clock.now += 2
    with pytest.raises(CapReached, match="--max-hours 1"):
        watched.check(0.0)


def test_gpu_hours_are_those_of_the_time_since_the_last_look(clock):
    watched = Limits(Caps(gpu_hours=3.0))
    for gpus in (0.0, 0.5, 2.0):
        clock.now += 3600
        watched.check(gpus)
    assert watched.gpu_hours == pytest.approx(2.5)
    clock.now += 3600
    with pytest.raises(CapReached, match="--max-gpu-hours 3"):
        watched.check(0.6)


def test_caps_hold_over_all_launches_of_a_command(clock):
    """A search launches once per rung: earlier launches count, and the reached cap is named."""
    caps, before = Caps(hours=2.0, gpu_hours=3.0), 0.0
    for _ in range(2):
        watched = Limits(caps, before=before)
        clock.now += 2000
        watched.check(1.0)
        caps, before = watched.used, before + watched.gpu_hours
    assert caps.used_hours == pytest.approx(4000 / 3600)
    assert before == pytest.approx(4000 / 3600)
    last = Limits(caps, before=before)
    clock.now += 3201
    with pytest.raises(CapReached, match="--max-hours 2"):
        last.check(1.0)


def test_gpu_hours_of_earlier_launches_count_and_are_named(clock):
    last = Limits(Caps(gpu_hours=3.0), before=2.5)
    clock.now += 1799
    last.check(1.0)
    clock.now += 2
    with pytest.raises(CapReached, match="--max-gpu-hours 3, 2.5 of them in earlier launches"):
        last.check(1.0)


@pytest.mark.parametrize(("gpus", "seen"), [(8.0, [1.5, 1.5, 1.0]), (1.2, [1.2, 1.2, 1.0])])
def test_waiting_checks_the_caps_with_the_gpus_in_use(monkeypatch, gpus, seen):
    waits = iter([([], ["a", "b"]), (["b"], ["a"]), (["a"], [])])
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": gpus})
    monkeypatch.setattr(ray, "wait", lambda left, timeout: next(waits))
    looked: list[Any] = []
    tasks: Any = {"a": 1.0, "b": 0.5}
    assert list(as_they_end(tasks, looked.append)) == ["b", "a"]
    assert looked == seen
