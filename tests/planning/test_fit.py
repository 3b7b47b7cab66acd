"""Shares, micro-batches and advice: the plan fits the machine, and the next larger does not."""

import itertools
from dataclasses import replace

import pytest

from scaling.planning.costs import CPU_CORE, GPU, memory
from scaling.planning.fit import MARGIN, PARTS, advice, gpu_share, micro_batch, taken_in_parts
from scaling.trial import DiffusionTrial, TwoSampleTrial, VaeTrial

MODEL = DiffusionTrial("cifar10", channels=64, blocks=2)
VAES = [
    VaeTrial("cifar10", n_c=n_c, batch=batch)
    for n_c, batch in itertools.product((1, 64, 512), (10, 400))
]
TRIALS = [*VAES, MODEL, TwoSampleTrial("cifar10")]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda t: t.label + f"-{t.batch}")
def test_a_share_is_the_smallest_that_holds_the_memory_with_a_tenth_to_spare(trial):
    share, need = gpu_share(trial, GPU), MARGIN * memory(trial, GPU) / GPU.bytes
    shares = [1 / parts for parts in PARTS]
    assert share in shares and gpu_share(trial, CPU_CORE) == 0
    assert share >= need or share == 1
    assert all(smaller < need for smaller in shares if smaller < share)


def test_costly_metrics_may_need_a_larger_share():
    trial = VaeTrial("cifar10", n_c=512, batch=4)
    assert gpu_share(trial, GPU, ["amortization"]) > gpu_share(trial, GPU)


@pytest.mark.parametrize("gigabytes", [3, 6, 11, 80])
def test_a_micro_batch_is_the_largest_half_that_fits(gigabytes):
    machine = replace(GPU, bytes=gigabytes * 10**9)
    size = micro_batch(MODEL, machine)

    def fits(images):
        return MARGIN * memory(MODEL, machine, micro_batch=images) <= machine.bytes

    halves = [MODEL.batch >> n for n in range(1, 10)]
    if fits(None):
        assert size is None
    elif any(map(fits, halves)):
        assert size == max(half for half in halves if fits(half))
    else:
        assert size is None and advice(MODEL, machine) is not None


@pytest.mark.parametrize(("asked", "taken"), [(1, 1), (511, 511), (512, None), (4096, None)])
def test_a_requested_micro_batch_is_used_unless_it_is_the_whole_batch(asked, taken):
    assert micro_batch(MODEL, GPU, asked) == taken
    assert all(micro_batch(trial, GPU, asked) is None for trial in VAES)


@pytest.mark.parametrize("trial", [MODEL, VaeTrial("cifar10", batch=8192)])
def test_the_advised_batch_fits_and_twice_of_it_does_not(trial):
    machine = replace(GPU, bytes=6 * 10**9)
    message = advice(trial, machine)
    assert message is not None
    flag = "--micro-batch " if trial.accumulates else "--set batch="
    size = int(message.partition(flag)[2].split()[0])

    def need(images):
        if trial.accumulates:
            return MARGIN * memory(trial, machine, micro_batch=images)
        return memory(replace(trial, batch=images), machine)

    assert need(size) <= machine.bytes < need(2 * size)
    assert f"needs {memory(trial, machine) / 1e9:.0f} GB" in message


def test_where_no_batch_fits_a_larger_device_is_the_advice():
    message = advice(VaeTrial("cifar10", n_c=16384, batch=1), GPU)
    assert message is not None
    assert "--set" not in message and message.endswith("would fit")
    gigabytes = float(message.rpartition("a device of ")[2].split()[0])
    large = replace(GPU, bytes=int((gigabytes + 1) * 10**9))
    assert advice(VaeTrial("cifar10", n_c=16384, batch=1), large) is None


def test_steps_in_parts_are_mentioned_and_others_are_not():
    assert taken_in_parts(MODEL, GPU, None) is None
    message = taken_in_parts(MODEL, GPU, 64)
    assert message is not None and "512 images of a step 64 at a time (--micro-batch 64)" in message
