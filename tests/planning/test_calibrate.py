"""Speeds of a machine: solved from timings, cached by hardware, never measured by a plan."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from scaling.models.layers import Operations
from scaling.planning import calibrate
from scaling.planning.costs import CPU_CORE, GPU, training_work
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key
from scaling.trial.hardware import hardware

SPEEDS = {"launch": 2e-4, "flop": 1e-11, "value": 3e-9, "component": 4e-8}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "scaling-vae" / "speeds.json"


def of_speeds(speeds):
    return replace(CPU_CORE, **speeds)


def times(speeds):
    machine = of_speeds(speeds)
    return [(p.work, machine.seconds(p.trial, p.work)) for p in calibrate.WORKLOADS]


def test_the_workloads_determine_every_speed():
    assert calibrate.solve(times(SPEEDS)) == pytest.approx(SPEEDS, rel=1e-6)


def test_noise_never_makes_a_speed_negative():
    noisy = [(w, t * (0.5 if i == 1 else 2)) for i, (w, t) in enumerate(times(SPEEDS))]
    assert min(calibrate.solve(noisy).values()) >= 0


def test_the_operations_of_a_workload_are_those_of_its_epoch():
    """The timed work is one epoch on `images`."""
    probe = calibrate.WIDE
    work = training_work(replace(probe.trial, train_size=probe.images), 1)
    assert probe.work == work
    assert isinstance(work, Operations)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_timings_of_a_device_give_its_speeds(monkeypatch, device):
    """On a GPU the workloads are larger than some data sets are."""
    machine = of_speeds(SPEEDS)
    monkeypatch.setattr(
        calibrate, "_seconds", lambda load, device: machine.seconds(load.trial, load.work)
    )
    before = torch.get_num_threads()
    try:
        found = calibrate.calibrate(device)
    finally:
        torch.set_num_threads(before)
    assert found.pop("bf16") == 1
    assert found == pytest.approx(SPEEDS, rel=1e-6)


def test_speeds_are_measured_once_and_cached(cache, monkeypatch):
    runs = []

    def fake(command, seconds):
        runs.append(command)
        return json.dumps(SPEEDS | {"bf16": 0.5})

    typical = calibrate.cached_machine(on_gpu=False)
    assert typical.basis == "typical speeds"
    assert not runs
    monkeypatch.setattr(calibrate, "printed", fake)
    first, again = (
        calibrate.measured_machine(on_gpu=False),
        calibrate.measured_machine(on_gpu=False),
    )
    assert first == again == calibrate.cached_machine(on_gpu=False)
    assert len(runs) == 1
    assert runs[0][:3] == [sys.executable, "-m", "scaling.planning.calibrate"]
    assert (first.flop, first.bf16) == (SPEEDS["flop"], 0.5)
    assert first.basis == "measured speeds"
    name, _ = hardware(on_gpu=False)
    assert name in next(iter(json.loads(cache.read_text())))
    assert name in first.name


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null"])
def test_a_damaged_cache_is_ignored(cache, text):
    cache.parent.mkdir(parents=True)
    cache.write_text(text)
    assert calibrate.cached_machine(on_gpu=False).flop == CPU_CORE.flop


def test_if_measuring_fails_typical_speeds_are_used(monkeypatch):
    def fails(command, seconds):
        raise subprocess.TimeoutExpired(command, seconds)

    monkeypatch.setattr(calibrate, "printed", fails)
    assert calibrate.measured_machine(on_gpu=False).basis == "typical speeds"
    assert calibrate.cached_machine(on_gpu=True).flop == GPU.flop


@pytest.mark.slow
def test_this_machine_is_measured_and_arithmetic_takes_time():
    """No more can be asserted, since whatever else runs here changes the speeds."""
    machine = calibrate.measured_machine(on_gpu=False)
    assert machine.basis == "measured speeds"
    speeds = [machine.launch, machine.flop, machine.value, machine.component]
    assert all(0 <= speed < math.inf for speed in speeds) and any(speeds)
    assert machine.seconds(calibrate.WIDE.trial, calibrate.WIDE.work) > 0
    assert 0 < machine.bf16 < math.inf


def finish(store, trial, seconds, device, state="done"):
    folder = store.folder(key(trial))
    folder.create(trial)
    folder.append_row({"epoch": 4, "seconds": seconds})
    folder.finish(4, device=device) if state == "done" else folder.fail("broken")
    return folder


def test_only_trials_finished_on_such_a_device_count(tmp_path):
    store = Store(tmp_path / "results")
    base = VaeTrial("digits", n_c=2)
    finish(store, base, 3.0, "cpu")
    finish(store, replace(base, seed=1), 1.0, "cuda")
    finish(store, replace(base, seed=2), 9.0, "cpu", state="failed")
    moved = finish(store, replace(base, seed=3), 5.0, "cpu")
    moved.path.rename(moved.path.with_name("another-name"))
    found = store.finished("cpu")
    assert list(found) == [key(base)]
    assert (found[key(base)].epochs, found[key(base)].seconds) == (4, 3.0)
    assert [ran.seconds for ran in store.finished("cuda").values()] == [1.0]
