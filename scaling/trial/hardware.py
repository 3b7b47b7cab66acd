"""Identifies this machine's GPU or processor, and their memory, without torch."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling.trial.answers import printed
from scaling.trial.machine import memory_bytes

SMI_SECONDS = 20  # for 8 GPUs that no process uses, 5 are too few
FIELDS = "index,uuid,mig.mode.current,memory.total,name"
# `nvidia-smi -L` lists the parts (MIG) of a GPU below its own line.
WHOLE = re.compile(r"GPU (\d+):")
PART = re.compile(r"\s+(MIG \S*?(\d+)gb\S*).*\(UUID: (\S+)\)")
PART_BYTES = 0.9e9  # a part has at least these, for each GB in its name


@dataclass(frozen=True)
class Gpu:
    """Describes a GPU, or a part of one: its names in CUDA_VISIBLE_DEVICES, model and bytes."""

    names: tuple[str, ...]  # the number, and identifiers, of which the beginning is enough
    model: str
    bytes: int

    def is_meant(self, word: str) -> bool:
        """Returns True if the word is the GPU's number or the beginning of an identifier."""
        return word == self.names[0] or any(name.startswith(word) for name in self.names[1:])


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
    """Returns the smallest GPU that this process may use, since Ray may choose any of them."""
    try:
        every = list(_gpus())
    except (OSError, ValueError, subprocess.SubprocessError):
        return "", 0
    words = [
        w for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if (w := word.strip())
    ]
    chosen = [gpu for gpu in every if any(gpu.is_meant(word) for word in words)]
    smallest = min(chosen or every, key=lambda gpu: gpu.bytes, default=Gpu((), "", 0))
    return smallest.model, smallest.bytes


def _gpus() -> Iterator[Gpu]:
    """Yields the GPUs whose memory is known; of one that is divided (MIG), its parts."""
    for line in _asked(f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"):
        index, uuid, mig, megabytes, model = line.split(", ", 4)
        if mig == "Enabled":
            yield from _parts(index, uuid, model)
        elif megabytes.isdigit():
            yield Gpu((index, uuid), model.strip(), int(megabytes) << 20)


def _parts(index: str, uuid: str, model: str) -> Iterator[Gpu]:
    """Yields the parts of a divided GPU. Of its memory, `--query-gpu` shows only the whole."""
    number = ""
    for line in _asked("-L"):
        if whole := WHOLE.match(line):
            number = whole[1]
        elif number == index and (part := PART.match(line)):
            name, gigabytes, identifier = part.groups()
            yield Gpu(
                (index, uuid, identifier), f"{model} {name}", int(int(gigabytes) * PART_BYTES)
            )


def _asked(*words: str) -> list[str]:
    return printed(["nvidia-smi", *words], SMI_SECONDS).splitlines()
