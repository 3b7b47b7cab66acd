"""The trials of a request that are left to run, and the pools that they read."""

from dataclasses import replace
from typing import Any

import pytest

from scaling.cluster.limits import Caps
from scaling.cluster.request import Request
from scaling.storage.store import Store
from scaling.trial import DMAAPX, VaeTrial
from scaling.trial.schedule import Planned, Scheduled

PLAIN = VaeTrial("digits", n_c=2)
READER = replace(PLAIN, source=replace(DMAAPX, pool="p", k=2))


def request_of(tmp_path, *planned: Planned) -> Request:
    unused: Any = None
    return Request(
        study="s", preset="digits", store=Store(tmp_path), lock=unused,
        trials={one.key: one for one in planned}, load=unused, address="local", cpus=1.0,
        gpus_fixed=False, caps=Caps(), hung_after_s=0.0, wait_for_gpus_s=0.0, mps="auto", pool_k=0,
        metric_settings={}, events=unused,
    )  # fmt: skip


def planned(trial, state="new", gpus=0.0):
    return Planned(Scheduled(trial, 10, 5), state, 1.0, gpus)


def test_new_and_partial_trials_are_left_in_the_studys_order(tmp_path):
    states = ("partial", "done", "new", "failed")
    trials = [replace(PLAIN, seed=seed) for seed in range(4)]
    every = [planned(trial, state) for trial, state in zip(trials, states, strict=True)]
    made = request_of(tmp_path, *every)
    assert [one.trial.seed for one in made.left.values()] == [0, 2]
    assert made.folder == tmp_path / "s"


@pytest.mark.parametrize(("gpus", "state", "shares"), [
    (0.25, "new", True), (1.0, "new", False), (0.0, "new", False), (2.0, "new", False),
    (0.25, "done", False),
])  # fmt: skip
def test_gpus_are_shared_if_a_trial_that_is_left_has_a_part_of_one(tmp_path, gpus, state, shares):
    assert request_of(tmp_path, planned(PLAIN, state, gpus)).shares_gpus is shares


@pytest.mark.parametrize(("gpus", "shares"), [(0.25, True), (1.0, False)])
def test_gpus_are_shared_by_finished_trials_that_are_measured_or_sampled(tmp_path, gpus, shares):
    made = request_of(tmp_path, planned(PLAIN, "done", gpus))
    assert replace(made, used_again=frozenset(made.trials)).shares_gpus is shares


def test_only_pools_of_trials_that_are_left_are_needed(tmp_path):
    done = replace(READER, seed=1)
    made = request_of(tmp_path, planned(PLAIN), planned(READER), planned(done, "done"))
    ((key, pool, trial),) = made.pool_users()
    assert (pool, trial) == ("p", READER) and made.trials[key].trial == READER
