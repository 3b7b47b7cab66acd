"""Measures the largest memory of a process during a trial, to compare with the planned one."""

from contextlib import suppress
from pathlib import Path

RESET, STATUS, PEAK = Path("/proc/self/clear_refs"), Path("/proc/self/status"), "VmHWM:"


def forget_peak(device: str) -> None:
    """Lets the peaks of this process's memory and of its memory on a GPU count from now on."""
    with suppress(OSError):
        RESET.write_text("5")
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: str) -> int | None:
    """Returns the peak since `forget_peak` in bytes, or None where the system does not show it.

    On a CPU it is the whole memory of the process, with libraries and what earlier trials in the
    process left behind; on a GPU it is what PyTorch has reserved there, without CUDA's context,
    whose size a process cannot see where others use the GPU too.
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_reserved(device))
    with suppress(OSError, ValueError, IndexError, StopIteration):
        lines = STATUS.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(PEAK))
    return None
