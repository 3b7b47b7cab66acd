"""Caps a process's memory to its share of a GPU, and explains a failure when memory runs out.

PyTorch is imported by the functions: the driver, which imports this module too, starts faster.
"""

import gc
import os

import ray

from scaling.runs.freed_memory import keep_freed_memory
from scaling.trial import Trial
from scaling.trial.hardware import has_gpu

ALLOCATOR_PART = 0.9  # part of a trial's GPU share that it may use, CUDA context included
CONTEXT_BYTES = 600 << 20  # a process's memory on a GPU outside PyTorch's allocator
LEAST = 0.25  # part of the share that the allocator has at least
FAILURES = (  # PyTorch's texts for missing memory in errors that are no OutOfMemoryError
    *("can't allocate memory", "not enough memory", "CUDA out of memory"),
    "error: out of memory",  # of CUDA itself, for what is not PyTorch's: contexts, graphs, kernels
    *("CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED", "ALLOCATION_FAILED"),
    "CUBLAS_STATUS_NOT_INITIALIZED",  # no memory for the library's own state
    "unable to find an engine",  # no memory for the workspace of any of cuDNN's convolutions
)


def fraction(share: float, total: int) -> float:
    """Returns the fraction of a GPU that PyTorch may use so that a process stays in its share.

    `total` is the GPU's memory in bytes, `share` the process's share of it.
    """
    if share >= 1:
        return 1.0
    return max(ALLOCATOR_PART * share - CONTEXT_BYTES / total, LEAST * share)


def placed() -> tuple[str, float]:
    """Returns the device and GPU share that Ray assigned to this process; sets its threads.

    PyTorch would compile with as many processes as the node has CPUs, in each trial of it. Freed
    memory stays with the process. Raises RuntimeError if PyTorch cannot use the GPU: on a CPU the
    work might take days.
    """
    import torch

    keep_freed_memory()
    assigned = ray.get_runtime_context().get_assigned_resources()
    threads = max(1, int(assigned.get("CPU", 1)))
    torch.set_num_threads(threads)
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", str(threads))
    share = float(assigned.get("GPU", 0))
    if not share:
        return "cpu", share
    if torch.cuda.is_available():
        guard(share)
        return "cuda", share
    if has_gpu():
        raise RuntimeError(f"PyTorch {torch.__version__} cannot use the GPU here: {_why_not()}")
    return "cpu", share  # a GPU in Ray's books only


def _why_not() -> str:
    """Returns why PyTorch cannot use a GPU, in one line: the driver is too old, for instance."""
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().partition("\n")[0]
    return "it sees none; CUDA_VISIBLE_DEVICES may hide it"


def guard(share: float) -> None:
    """Caps this process's GPU memory; frees what an earlier trial in the process left behind.

    A run and its steps refer to each other, so that only the garbage collector ends them.
    """
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(fraction(share, total))


def ran_out(error: BaseException) -> bool:
    """Returns True if the error means that memory ran out, on a GPU or a CPU."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in FAILURES)


def sentence(trial: Trial, device: str, micro_batch: int | None = None) -> str:
    """Returns why the trial failed for lack of memory, and what to change."""
    place = "alone on a GPU" if device == "cuda" else "on the CPU"
    size = micro_batch or trial.batch
    if trial.accumulates:
        smaller = f"fewer images of a step at a time (now {size}; --micro-batch {size // 2}), "
    else:
        smaller = f"a smaller batch (now {size}; --set batch={size // 2}), "
    return (
        f"it ran out of memory {place}. Use {smaller if size > 1 else ''}a narrower "
        "network, or a device with more memory"
    )
