"""Planned hours: work over speeds, times the measured ratio for trials of the same kind."""

from dataclasses import replace

import pytest

from scaling.planning.costs import CPU_CORE, GPU, measuring_work, metrics_work, training_work
from scaling.planning.speeds import Speeds, hours, speeds
from scaling.storage.store import Ran
from scaling.trial import DiffusionTrial, TwoSampleTrial, VaeTrial
from scaling.trial.schedule import Scheduled

SMALL, WIDE = VaeTrial("digits", n_c=2), VaeTrial("digits", n_c=32)
PLAIN = Speeds(CPU_CORE)


def ran(trial, factor, epochs=1000):
    return Ran(trial, epochs, factor * CPU_CORE.seconds(trial, training_work(trial, epochs)))


def test_an_hour_is_the_sum_of_training_measuring_and_metrics():
    scheduled = Scheduled(SMALL, 20, 5, ("amortization",), (20,))
    seconds = sum(
        CPU_CORE.seconds(SMALL, work)
        for work in (
            training_work(SMALL, 20), measuring_work(scheduled), metrics_work(scheduled, {})
        )
    )  # fmt: skip
    assert hours(scheduled, PLAIN, {}) == pytest.approx(seconds / 3600)


@pytest.mark.parametrize("begun", [0.0, 0.25, 1.0])
def test_trained_epochs_are_not_planned_again_and_metrics_are(begun):
    plain, costly = Scheduled(SMALL, 20, 5), Scheduled(SMALL, 20, 5, ("amortization",), (20,))
    extra = CPU_CORE.seconds(SMALL, metrics_work(costly, {})) / 3600
    found = hours(costly, PLAIN, {}, begun)
    more_rows = hours(replace(costly, metrics=()), PLAIN, {}, begun)
    assert found == pytest.approx(more_rows + extra)
    assert hours(plain, PLAIN, {}, begun) == pytest.approx((1 - begun) * hours(plain, PLAIN, {}))


def test_a_factor_is_the_median_of_the_architecture_whatever_seed_and_rate():
    known = speeds(CPU_CORE, [ran(replace(SMALL, seed=n), f) for n, f in enumerate((2, 9, 4))])
    assert known.factor(replace(SMALL, seed=7, lr=0.1)) == pytest.approx(4)
    assert (known.trials, known.basis) == (3, "3 finished trials")


def test_another_architecture_has_the_median_of_its_kind():
    known = speeds(CPU_CORE, [ran(SMALL, 2), ran(WIDE, 8), ran(TwoSampleTrial("digits"), 100)])
    assert known.factor(VaeTrial("digits", n_c=8)) == pytest.approx(5)
    assert known.factor(TwoSampleTrial("digits", stages=2)) == pytest.approx(100)
    assert known.factor(DiffusionTrial("digits")) == 1


def test_without_a_finished_trial_hours_depend_on_the_machine_alone():
    assert speeds(CPU_CORE, []).basis == CPU_CORE.basis
    short = speeds(CPU_CORE, [Ran(SMALL, 4, 1.9)])  # of a smoke test, whose first steps are slow
    assert (short.trials, short.factor(SMALL), short.basis) == (0, 1, CPU_CORE.basis)
    nothing = speeds(CPU_CORE, [Ran(SMALL, 10, 0.0)])  # of a version that recorded no seconds
    assert (nothing.trials, nothing.factor(SMALL)) == (0, 1)


def test_a_short_plan_learns_nothing_from_a_trial_that_was_slow_to_compile():
    short = training_work(WIDE, 4)
    planned = CPU_CORE.seconds(WIDE, short)
    assert planned < 2
    known = speeds(CPU_CORE, [Ran(WIDE, 4, planned + 24)])
    assert (known.trials, known.factor(WIDE)) == (0, 1)


def on_gpu(model, factor, seed=0, shared=False):
    seconds = GPU.seconds(WIDE, training_work(WIDE, 9000))
    return Ran(replace(WIDE, seed=seed), 9000, factor * seconds, model, shared)


def test_trials_on_a_share_of_a_gpu_say_nothing_of_trials_alone():
    """They were slower by the trials beside them, which the gain of sharing counts already."""
    h200 = replace(GPU, model="H200")
    known = speeds(h200, [on_gpu("H200", 2), on_gpu("H200", 9, seed=1, shared=True)])
    assert known.trials == 1 and known.factor(WIDE) == pytest.approx(2)
    assert speeds(h200, [on_gpu("H200", 9, shared=True)]).factor(WIDE) == 1


@pytest.mark.parametrize(("model", "expected"), [
    ("H200", 2), ("RTX 2080 Ti", 8), ("A100", 1), ("", 2),
])  # fmt: skip
def test_each_model_of_gpu_has_its_own_speed(model, expected):
    """Of an unknown GPU the most frequent one counts; one that was not recorded does not."""
    every = [on_gpu("H200", 2), on_gpu("RTX 2080 Ti", 8, 1), on_gpu("H200", 2, 2), on_gpu("", 50)]
    assert speeds(replace(GPU, model=model), every).factor(WIDE) == pytest.approx(expected)


def test_a_processor_learns_from_older_files_that_name_none():
    named = [
        replace(ran(replace(SMALL, seed=n), 4), hardware=m) for n, m in enumerate(("EPYC", ""))
    ]
    other = replace(ran(replace(SMALL, seed=2), 100), hardware="Atom")
    known = speeds(replace(CPU_CORE, model="EPYC"), [*named, other])
    assert known.trials == 2 and known.factor(SMALL) == pytest.approx(4)
