"""The plan: shares that hold the memory, hours from finished trials, and what does not fit."""

import itertools
from dataclasses import replace

import pytest

from scaling.planning import fit, plan, speeds
from scaling.planning.costs import CPU_CORE, GPU, memory, training_work
from scaling.planning.table import plan_lines
from scaling.storage.store import Ran
from scaling.trial import DMAAPX, DiffusionTrial, VaeTrial, grid
from scaling.trial.schedule import Diffusion, Scheduled, schedule
from tests.narrow import not_none

WIDTHS = [1, 8, 64, 128, 256, 512]
CPU = speeds.Speeds(CPU_CORE)


@pytest.mark.parametrize("machine", [CPU_CORE, GPU])
def test_a_plan_names_the_bytes_that_pytorch_does_not_count_on_a_gpu(machine):
    made = plan.make([Scheduled(VaeTrial("digits"), 10, 1)], speeds.Speeds(machine), {})
    (row,) = made.to_dict()["trials"]
    assert row["context_bytes"] == (GPU.base_bytes if machine is GPU else 0)


def test_totals_are_those_of_the_trials_that_are_left():
    trials = grid(VaeTrial("digits", n_c=8), m_z=[1, 2], seed=[0, 1])
    every = schedule(trials, 10, 5, None)
    states = {every[0].key: "done", every[1].key: "partial"}
    made = plan.make(every, CPU, states)
    assert [row.state for row in made.trials] == ["done", "partial", "new", "new"]
    assert made.total.to_run == 3
    assert made.total.hours == pytest.approx(sum(r.hours for r in made.trials[1:]))
    assert made.total.gpu_hours == 0


def test_epochs_that_are_done_are_not_planned_again():
    every = schedule([VaeTrial("digits", n_c=8)], 20, 5, None)
    whole = plan.make(every, CPU, {}).total.hours
    half = plan.make(every, CPU, {every[0].key: "partial"}, begun={every[0].key: 10})
    assert half.total.hours == pytest.approx(whole / 2)


@pytest.mark.parametrize(("n_c", "batch"), [*itertools.product(WIDTHS, [10, 100, 400])])
def test_shares_of_a_gpu_hold_the_memory(n_c, batch):
    trial = VaeTrial("cifar10", n_c=n_c, batch=batch)
    share = fit.gpu_share(trial, GPU)
    assert 0 < share <= 1
    assert fit.gpu_share(trial, CPU_CORE) == 0
    if share < 1:
        assert memory(trial, GPU) * fit.MARGIN <= share * GPU.bytes


def test_a_trial_that_does_not_fit_is_named_with_a_batch_that_does():
    model = VaeTrial("cifar10", n_c=512, batch=4096)
    made = plan.make([Scheduled(model, 10, 1)], speeds.Speeds(GPU), {})
    (message,) = (line for line in plan_lines("study", made) if line.startswith("Does not fit"))
    assert made.trials[0].gpus == 1
    batch = int(message.partition("--set batch=")[2].split()[0])
    assert memory(replace(model, batch=batch), GPU) <= GPU.bytes
    assert memory(replace(model, batch=2 * batch), GPU) > GPU.bytes
    large = replace(GPU, bytes=200 * 10**9)
    assert fit.advice(model, large) is None
    assert "--set" not in not_none(fit.advice(replace(model, batch=1, n_c=16384), GPU))


def test_a_disk_that_will_be_full_is_mentioned():
    trials = grid(VaeTrial("digits", n_c=8), seed=[0, 1])
    every = schedule(trials, 10, 5, None)
    made = plan.make(every, CPU, {every[0].key: "done"})
    left = made.total.disk_left_bytes
    assert left == made.total.disk_bytes / 2
    (message,) = (
        line for line in plan_lines("s", made, left - 1) if line.startswith("Does not fit")
    )
    assert "on disk" in message
    assert not [line for line in plan_lines("s", made, left) if line.startswith("Does not fit")]


def ran(trial, factor, epochs=1000):
    """Returns the trial as finished, `factor` times slower than planned."""
    return Ran(trial, epochs, factor * CPU_CORE.seconds(trial, training_work(trial, epochs)))


def test_hours_come_from_finished_trials():
    small, wide = VaeTrial("digits", n_c=2), VaeTrial("digits", n_c=32)
    known = speeds.speeds(CPU_CORE, [ran(small, 2), ran(replace(small, seed=1), 4), ran(wide, 7)])
    for trial, factor in (
        (replace(small, seed=5, lr=0.1), 3),  # the median of its seeds
        (wide, 7),
        (VaeTrial("digits", n_c=8), 5),  # of another architecture: the median of all
        (DiffusionTrial("digits"), 1),  # of another kind: nothing is known
    ):
        scheduled = Scheduled(trial, 20, 5)
        expected = factor * speeds.hours(scheduled, CPU, {})
        assert speeds.hours(scheduled, known, {}) == pytest.approx(expected)
    assert plan.make([scheduled], known, {}).basis == "3 finished trials"


def test_the_same_pool_under_another_key_takes_as_long():
    trial = VaeTrial("digits", source=replace(DMAAPX, k=2, pool="one"))
    known = speeds.speeds(CPU_CORE, [ran(trial, 3)])
    other = replace(trial, source=replace(trial.source, pool="another"))
    assert known.factor(other) == pytest.approx(3)


def test_half_asleep_and_metrics_take_longer():
    trial = VaeTrial("digits", n_c=8)
    plain = speeds.hours(Scheduled(trial, 20, 5), CPU, {})
    asleep = speeds.hours(Scheduled(replace(trial, half_asleep_from=10), 20, 5), CPU, {})
    assert 1.2 * plain < asleep < 2 * plain
    metrics = ("amortization", "robustness")
    hours = [
        speeds.hours(Scheduled(trial, 20, 5, metrics[:n], tuple(range(epochs))), CPU, {})
        for n, epochs in ((1, 1), (2, 1), (2, 4))
    ]
    assert plain < hours[0] < hours[1] < hours[2]


def test_pools_are_compared_with_the_object_store():
    diffusion = Diffusion(DiffusionTrial("digits", train_size=300), 10, k=4)
    trials = [VaeTrial("digits", train_size=300, source=DMAAPX)]
    made = plan.make(schedule(trials, 10, 5, diffusion), CPU, {})
    (pool,) = made.pools
    assert pool.bytes == 4 * 300 * 64
    assert pool.fits


def test_samples_take_hours_until_they_are_on_disk():
    model = DiffusionTrial("digits", train_size=300)
    trials = [VaeTrial("digits", train_size=300, source=DMAAPX)]
    every = schedule(trials, 10, 5, Diffusion(model, 10, k=4))
    made = plan.make(every, CPU, {})
    (pool,) = made.pools
    epoch = CPU_CORE.seconds(model, training_work(model, 1)) / 3600  # three passes of a chunk
    assert pool.hours == pytest.approx(4 * 35 * epoch / 3, rel=0.25)  # in other batches
    assert made.total.hours == pytest.approx(pool.hours + sum(row.hours for row in made.trials))
    half = plan.make(every, CPU, {}, sampled={pool.pool: 600}.__getitem__)
    assert half.pools[0].hours == pytest.approx(pool.hours / 2, rel=0.02)
    there = plan.make(every, CPU, {}, sampled=lambda name: 1200)
    assert there.pools[0].hours == 0
    saved = made.total.disk_left_bytes - there.total.disk_left_bytes
    assert saved == pool.bytes == pool.left_bytes == 4 * 300 * 64
    imported = replace(trials[0], source=replace(DMAAPX, pool="mine", k=4))
    assert plan.make([Scheduled(imported, 10, 5)], CPU, {}).pools[0].hours == 0


def test_a_model_without_readers_is_sampled_if_the_study_says_so():
    every = [Scheduled(DiffusionTrial("digits", train_size=300), 10, 5)]
    assert plan.make(every, CPU, {}).pools == []
    (pool,) = plan.make(every, CPU, {}, pool_k=2).pools
    assert pool.k == 2
    assert pool.bytes == 2 * 300 * 64
    assert pool.hours > 0
