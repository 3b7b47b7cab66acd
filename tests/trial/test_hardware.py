"""The names and sizes of a machine's hardware, whatever its files and nvidia-smi leave out."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scaling.trial.hardware import hardware, has_gpu


def row(index, megabytes=11264, model="NVIDIA GeForce RTX 2080 Ti", mig="[N/A]"):
    """Returns a line of nvidia-smi for a GPU."""
    return f"{index}, GPU-{index}aa, {mig}, {megabytes}, {model}\n"


PARTS = """GPU 0: NVIDIA H200 (UUID: GPU-0aa)
  MIG 3g.71gb     Device  0: (UUID: MIG-1b)
  MIG 1c.1g.18gb+me Device  1: (UUID: MIG-2b)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1aa)
  MIG 1g.5gb      Device  0: (UUID: MIG-3b)
"""
TI, TWO = ("NVIDIA GeForce RTX 2080 Ti", 11264 << 20), row(0, 2002, "NVIDIA T400") + row(1)
T400 = ("NVIDIA T400", 2002 << 20)
DIVIDED = row(0, 143771, "NVIDIA H200", "Enabled") + row(2)


@pytest.fixture(autouse=True)
def none_chosen(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def smi(monkeypatch, answer):
    def printed(command, seconds):
        assert command[0] == "nvidia-smi" and seconds > 10  # 8 cold GPUs take long
        if isinstance(answer, Exception):
            raise answer
        return PARTS if "-L" in command else answer

    monkeypatch.setattr("scaling.trial.hardware.printed", printed)


@pytest.mark.parametrize(("answer", "found"), [
    (row(0), TI),
    (row(0) + row(1), TI),
    (row(0, 80000, "A, B", "Disabled"), ("A, B", 80000 << 20)),
    ("", ("", 0)),
    ("no devices were found\n", ("", 0)),
    (row(0, "[N/A]", "NVIDIA GB10"), ("", 0)),
    (row(0, "[N/A]", "NVIDIA GB10") + row(1), TI),
    (FileNotFoundError("nvidia-smi"), ("", 0)),
    (subprocess.TimeoutExpired("nvidia-smi", 5), ("", 0)),
    (subprocess.CalledProcessError(9, "nvidia-smi"), ("", 0)),
])  # fmt: skip
def test_a_gpu_is_named_or_none(monkeypatch, answer, found):
    smi(monkeypatch, answer)
    assert hardware(on_gpu=True) == found


@pytest.mark.parametrize(("chosen", "found"), [
    ("", T400), ("1", TI), ("GPU-1", TI), ("1,0", T400), (" 1 ", TI), ("7", T400),
    ("NoDevFiles", T400),
])  # fmt: skip
def test_of_several_gpus_it_is_the_smallest_that_may_be_used(monkeypatch, chosen, found):
    smi(monkeypatch, TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert hardware(on_gpu=True) == found


@pytest.mark.parametrize(("chosen", "found"), [
    ("MIG-1b", ("NVIDIA H200 MIG 3g.71gb", 63_900_000_000)),
    ("MIG-2b", ("NVIDIA H200 MIG 1c.1g.18gb+me", 16_200_000_000)),
    ("GPU-0", ("NVIDIA H200 MIG 1c.1g.18gb+me", 16_200_000_000)),
    ("2", TI), ("0,2", TI),
])  # fmt: skip
def test_a_part_of_a_gpu_has_the_memory_in_its_name_and_not_that_of_the_whole(
    monkeypatch, chosen, found
):
    smi(monkeypatch, DIVIDED)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert hardware(on_gpu=True) == found


def test_the_processor_is_named_with_the_machines_memory():
    name, size = hardware(on_gpu=False)
    assert name
    if os.path.exists("/proc/meminfo"):
        with open("/proc/meminfo") as file:
            kilobytes = int(file.readline().split()[1])
        assert size == 1024 * kilobytes


def test_a_processor_without_a_name_is_this_processor(monkeypatch):
    monkeypatch.setattr("scaling.trial.hardware.memory_bytes", lambda: 1 << 30)
    monkeypatch.setattr(Path, "read_text", lambda self: "processor : 0\n")
    assert hardware(on_gpu=False)[0] == "this processor"

    def unreadable(self):
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", unreadable)
    assert hardware(on_gpu=False)[0] == "this processor"


@pytest.mark.parametrize(("driver", "command", "found"), [
    (True, None, True), (False, "/usr/bin/nvidia-smi", True), (False, None, False),
])  # fmt: skip
def test_a_driver_or_its_command_shows_that_there_is_a_gpu(monkeypatch, driver, command, found):
    monkeypatch.setattr(os.path, "isdir", lambda path: driver)
    monkeypatch.setattr(shutil, "which", lambda name: command)
    assert has_gpu() is found
