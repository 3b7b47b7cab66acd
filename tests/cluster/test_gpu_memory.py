"""A process's share of a GPU's memory: its cap, and the error when memory runs out."""

import os
from types import SimpleNamespace

import pytest
import ray
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling.cluster import gpu_memory as memory
from scaling.planning import fit
from scaling.planning.costs import GPU
from scaling.planning.costs import memory as planned
from scaling.trial import VaeTrial


@given(st.integers(1, 8), st.floats(1, 200))
def test_processes_of_all_shares_together_stay_within_the_gpu(parts, gigabytes):
    total = int(gigabytes * 2**30)
    taken = memory.fraction(1 / parts, total)
    assert 0 < taken <= 1
    if parts > 1 and memory.ALLOCATOR_PART / parts * total > 2 * memory.CONTEXT_BYTES:
        assert parts * (taken * total + memory.CONTEXT_BYTES) <= total


@pytest.mark.parametrize("n_c", [1, 8, 64, 128, 256, 512])
def test_the_cap_is_at_least_the_planned_memory(n_c):
    trial = VaeTrial("cifar10", n_c=n_c)
    share = fit.gpu_share(trial, GPU)
    allocator = planned(trial, GPU) - GPU.base_bytes
    assert allocator <= memory.fraction(share, GPU.bytes) * GPU.bytes


def test_running_out_of_memory_is_distinguished_from_other_errors():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert memory.ran_out(caught.value)
    assert memory.ran_out(torch.OutOfMemoryError("CUDA out of memory."))
    assert memory.ran_out(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2) + torch.zeros(3)
    assert not memory.ran_out(caught.value)
    assert not memory.ran_out(ValueError("not enough memory"))


def test_the_error_suggests_a_smaller_batch():
    trial = VaeTrial("digits", batch=64)
    assert "--set batch=32" in memory.sentence(trial, "cuda")
    assert "--set" not in memory.sentence(VaeTrial("digits", batch=1), "cpu")


@pytest.mark.parametrize(("cpus", "threads"), [(3.0, 3), (0.5, 1)])
def test_a_trial_computes_and_compiles_with_as_many_threads_as_its_cpus(monkeypatch, cpus, threads):
    context = SimpleNamespace(get_assigned_resources=lambda: {"CPU": cpus})
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    monkeypatch.delenv("TORCHINDUCTOR_COMPILE_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        assert memory.placed() == ("cpu", 0.0)
        assert torch.get_num_threads() == threads
        assert os.environ["TORCHINDUCTOR_COMPILE_THREADS"] == str(threads)
    finally:
        torch.set_num_threads(before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_guard_stops_a_process_at_its_share():
    memory.guard(0.25)
    _, total = torch.cuda.mem_get_info()
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(int(0.3 * total), dtype=torch.uint8, device="cuda")
    memory.guard(1.0)
