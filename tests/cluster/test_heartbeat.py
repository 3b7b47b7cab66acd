"""Signs of life of trials: which are lost, with plain calls in place of Ray's."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster import heartbeat
from scaling.cluster.heartbeat import Heartbeat, Heartbeats, LostTrials


@pytest.fixture
def clock(monkeypatch):
    """Replaces the module's clock by one that moves only if it is set."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


class Method:
    def __init__(self, function):
        self.remote = function


@pytest.fixture
def ray(monkeypatch):
    """Makes a Ray that answers at once, and keeps the killed actors."""
    made = SimpleNamespace(killed=[])
    monkeypatch.setattr("ray.wait", lambda refs, timeout: (refs, []))
    monkeypatch.setattr("ray.get", lambda ref: ref)
    monkeypatch.setattr("ray.kill", made.killed.append)
    return made


@pytest.fixture
def watch(clock, ray):
    """Watches one trial; `passes` lets time pass while the driver checks."""
    signs, lines = Heartbeats(), list[str]()
    names = ("beat", "silence", "retire")
    keeper = SimpleNamespace(**{name: Method(getattr(signs, name)) for name in names})
    lost = LostTrials(keeper, lines.append)
    trial = SimpleNamespace(temporary_state=SimpleNamespace(ray_actor="actor"))

    def passes(seconds, process="a", waiting=None):
        """Lets the process beat, or be silent if it is None, while the driver checks."""
        for step in range(int(seconds)):
            clock.now += 1
            if process and step % 5 == 0:
                signs.beat("k", process, waiting(clock.now) if waiting else 0.0)
            lost.check()

    lost.start("k", trial)
    return SimpleNamespace(signs=signs, lines=lines, lost=lost, trial=trial, passes=passes, ray=ray)


def test_a_process_that_beats_is_left_alone_however_long_its_epoch(watch):
    watch.passes(3600)
    assert watch.lines == [] and watch.ray.killed == []


def test_a_process_that_falls_silent_is_ended_once_with_a_line(watch):
    watch.passes(100)
    watch.passes(50, process=None)
    assert watch.lines == []
    watch.passes(25, process=None)
    assert watch.ray.killed == ["actor"]
    (line,) = watch.lines
    assert line.startswith("k: no sign of life for 60 s")
    watch.passes(1000, process=None)
    assert len(watch.lines) == 1


def test_a_process_stuck_in_its_report_is_ended_though_it_beats(watch):
    watch.passes(100)
    began = 1100.0
    watch.passes(55, waiting=lambda now: now - began)
    assert watch.lines == []
    watch.passes(30, waiting=lambda now: now - began)
    assert watch.ray.killed == ["actor"]


def test_a_process_that_still_loads_has_more_time(watch):
    watch.passes(290, process=None)
    assert watch.lines == []
    watch.passes(30, process=None)
    assert watch.ray.killed == ["actor"]


def test_a_new_process_is_not_judged_by_the_old_ones_beats(watch):
    """The old process may still live behind a broken connection, and beat again later."""
    watch.passes(100)
    watch.passes(80, process=None)
    assert len(watch.ray.killed) == 1
    watch.lost.start("k", watch.trial)
    watch.passes(120, process="a", waiting=lambda now: now)
    watch.passes(120, process="b")
    watch.passes(120, process="a", waiting=lambda now: now)  # and b is silent
    assert len(watch.ray.killed) == 2
    assert len(watch.lines) == 2


def test_a_driver_that_was_delayed_ends_no_process_at_once(watch, clock):
    watch.passes(100)
    clock.now += 600  # during which nobody took the trial's row
    watch.passes(30, waiting=lambda now: 610.0)
    watch.passes(200)
    assert watch.lines == []


def test_the_end_of_a_trial_ends_its_watch(watch):
    watch.passes(100)
    watch.lost.end("k")
    watch.passes(500, process=None)
    assert watch.lines == []


def test_a_pulse_contains_how_long_a_report_has_lasted(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr("ray.wait", lambda refs, timeout: (refs, []))
    beats, free = [], threading.Event()

    def beat(work, process, waiting):
        beats.append((work, process, waiting))
        if waiting > 0 or len(beats) > 1000:
            free.set()

    def wait(row: dict[str, Any]) -> None:
        free.wait(60)

    with Heartbeat(SimpleNamespace(beat=Method(beat)), "k") as made:
        made.timed(wait)({})
        assert free.is_set()
    works, processes, waits = zip(*beats, strict=True)
    assert set(works) == {"k"} and len(set(processes)) == 1
    assert max(waits) > 0


def test_without_a_keeper_nothing_beats():
    before = threading.active_count()
    with Heartbeat(None, "k") as made:
        assert threading.active_count() == before
        made.timed(lambda row: None)({})
    LostTrials(None, print).check()
