"""The gain of sharing a GPU in a plan, and its cost in GPU hours."""

from dataclasses import replace

import pytest

from scaling.planning import plan, speeds
from scaling.planning.costs import CPU_CORE, GPU
from scaling.planning.sharing import MOST, gain, gpu_hours
from scaling.trial import VaeTrial, grid
from scaling.trial.schedule import schedule

SMALL, LARGE = VaeTrial("cifar10", n_c=8), VaeTrial("cifar10", n_c=512)


def test_there_is_no_gain_without_mps_on_whole_gpus_and_on_cpus():
    assert gain(SMALL, GPU, 1 / 8, mps=False) == 1
    assert gain(SMALL, GPU, 1.0) == 1
    assert gain(SMALL, CPU_CORE, 0.0) == 1


def test_sharing_gains_on_an_idle_gpu_and_not_on_a_busy_one():
    assert gain(SMALL, GPU, 1 / 8) == MOST
    assert 1 <= gain(LARGE, GPU, 1 / 8) < 1.1


def test_sharing_a_gpu_by_two_trials_gains_at_most_a_factor_of_two():
    assert gain(SMALL, replace(GPU, launch=1.0), 1 / 2) <= 2


def test_a_share_of_more_than_half_a_gpu_is_shared_with_no_other_trial():
    assert gain(SMALL, GPU, 0.6) == 1
    assert gain(SMALL, replace(GPU, launch=1.0), 0.4) == 2


@pytest.mark.parametrize(
    ("share", "gained", "expected"), [(1, 1, 3), (2, 1, 6), (0.25, 1, 3), (0.25, 2, 1.5), (0, 1, 0)]
)
def test_gpu_hours_are_those_that_the_gpu_spends(share, gained, expected):
    assert gpu_hours(3.0, share, gained) == expected


def test_the_plan_counts_what_sharing_gains():
    every = schedule(grid(SMALL, seed=[0, 1, 2, 3]), 10, 5, None)
    side_by_side = plan.make(every, speeds.Speeds(GPU), {})
    in_turns = plan.make(every, speeds.Speeds(GPU), {}, mps=False)
    assert side_by_side.total.hours == in_turns.total.hours
    assert in_turns.total.gpu_hours == pytest.approx(in_turns.total.hours)
    assert side_by_side.total.gpu_hours == pytest.approx(in_turns.total.hours / MOST)
