"""Identifies this machine's GPU or processor, and their memory, without torch."""

import os
import shutil
import subprocess
from pathlib import Path

from scaling.trial.machine import memory_bytes


def has_gpu() -> bool:
    """Returns True if this machine has an NVIDIA GPU, without importing torch."""
    return os.path.isdir("/proc/driver/nvidia/gpus") or shutil.which("nvidia-smi") is not None


def hardware(on_gpu: bool) -> tuple[str, int]:
    """Returns name and bytes of memory of the GPU or of the processor; "" and 0 without a GPU."""
    if on_gpu:
        return _gpu()
    size = memory_bytes()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (models or ["this processor"])[0], size


def _gpu() -> tuple[str, int]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        name, megabytes = done.stdout.splitlines()[0].rsplit(",", 1)
        return name.strip(), int(megabytes) << 20
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return "", 0
