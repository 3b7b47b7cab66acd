"""Many trials: all are done, the driver's memory stays small, the order is as expected."""

import random
import subprocess
import sys

import pytest

from scaling.cluster.start_order import by_seeds, start_order
from scaling.trial import VaeTrial, grid, key
from tests.cluster.conftest import ROOT

GROWTH = 200  # MB of the driver, while trials run


def measured(ray_folder, monkeypatch, *words):
    """Returns what `python -m tests.faults.scale` prints, by name."""
    monkeypatch.setenv("RAY_TMPDIR", ray_folder)
    command = [sys.executable, "-m", "tests.faults.scale", *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [line.split() for line in run.stdout.splitlines()[-12:]]
    return {name: float(value) for name, value in lines}


@pytest.mark.cluster
@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("count", [20, 200])
def test_a_study_of_short_trials_is_done_in_little_memory(ray_folder, monkeypatch, count):
    seen = measured(ray_folder, monkeypatch, "--trials", count, "--seconds", 0.1)
    assert seen["exit_code"] == 0
    assert seen["done"] == count
    assert seen["driver_growth"] < GROWTH
    assert seen["work_seconds"] >= 0.1 * count
    assert seen["files_per_trial"] < 12 + 100 / count  # some belong to the study


def slowly(trials, hours, width):
    """Orders trials by searching the longest of those left in every step."""
    left = by_seeds([name for name in trials if name in hours], trials)
    total, ordered = sum(hours.values()), []
    while left:
        longest = max(left, key=lambda name: hours[name])
        chosen = longest if hours[longest] * width >= total else left[0]
        left.remove(chosen)
        total -= hours[chosen]
        ordered.append(chosen)
    return ordered


@pytest.mark.parametrize("seed", range(40))
def test_the_order_equals_that_of_the_slow_way(seed):
    draw = random.Random(seed)
    listed = grid(VaeTrial("digits"), m_z=range(1, draw.randint(2, 6)), seed=range(3))
    trials = {key(trial): trial for trial in listed}
    hours = {name: draw.choice([1.0, 2.0, 8.0, draw.random()]) for name in trials}
    for name in draw.sample(list(hours), len(hours) // 4):
        del hours[name]
    for width in (1, 2, 5):
        assert start_order(trials, hours, width) == slowly(trials, hours, width)
