"""A process's share of a GPU's memory: its cap, and the error when memory runs out."""

import os
import weakref
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


@pytest.mark.parametrize("text", [
    "CUDA error: out of memory\nCUDA kernel errors might be reported later",
    "CUDA driver error: out of memory",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "FIND was unable to find an engine to execute this computation",
])  # fmt: skip
def test_errors_of_cuda_and_its_libraries_count_as_missing_memory(text):
    assert memory.ran_out(RuntimeError(text))
    assert not memory.ran_out(RuntimeError("CUDA error: an illegal memory access"))


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


@pytest.fixture
def half_a_gpu(monkeypatch):
    """Makes Ray assign half a GPU to this process, which keeps its number of threads."""
    assigned = {"CPU": torch.get_num_threads(), "GPU": 0.5}
    context = SimpleNamespace(get_assigned_resources=lambda: assigned)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_gpu_that_pytorch_cannot_use_is_an_error_and_never_a_slow_cpu(half_a_gpu, monkeypatch):
    def too_old():
        raise RuntimeError("The NVIDIA driver on your system is too old (found 11040).\nUpdate it")

    monkeypatch.setattr(memory, "has_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", too_old)
    with pytest.raises(RuntimeError, match="cannot use the GPU here: The NVIDIA driver on.*11040"):
        memory.placed()
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    with pytest.raises(RuntimeError, match="CUDA_VISIBLE_DEVICES may hide it"):
        memory.placed()


def test_a_gpu_in_rays_books_only_is_computed_on_the_cpu(half_a_gpu, monkeypatch):
    monkeypatch.setattr(memory, "has_gpu", lambda: False)
    assert memory.placed() == ("cpu", 0.5)


def test_what_an_earlier_trial_left_behind_is_freed_before_the_cache_is(monkeypatch):
    """A run and its steps refer to each other, and the memory of a GPU starts no collection."""

    def circle():
        run = torch.nn.Module()
        run.__dict__["step"] = run
        return weakref.ref(run)

    left, seen = circle(), []
    assert left() is not None
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: seen.append(left()))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 30, 1 << 34))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda part: None)
    memory.guard(0.5)
    assert seen == [None]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_guard_stops_a_process_at_its_share():
    memory.guard(0.25)
    _, total = torch.cuda.mem_get_info()
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(int(0.3 * total), dtype=torch.uint8, device="cuda")
    memory.guard(1.0)
