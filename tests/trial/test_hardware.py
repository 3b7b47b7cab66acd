"""The names and sizes of a machine's hardware, whatever its files and nvidia-smi leave out."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scaling.trial.hardware import hardware, has_gpu

CARD = "NVIDIA GeForce RTX 2080 Ti, 11264\n"


def smi(monkeypatch, answer):
    def run(command, **options):
        assert command[0] == "nvidia-smi" and options["timeout"]
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess(command, 0, answer, "")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(("answer", "found"), [
    (CARD, ("NVIDIA GeForce RTX 2080 Ti", 11264 * 1024**2)),
    (2 * CARD, ("NVIDIA GeForce RTX 2080 Ti", 11264 * 1024**2)),
    ("A, B, 80000\n", ("A, B", 80000 * 1024**2)),
    ("", ("", 0)),
    ("no devices were found\n", ("", 0)),
    ("NVIDIA H200, [N/A]\n", ("", 0)),
    (FileNotFoundError("nvidia-smi"), ("", 0)),
    (subprocess.TimeoutExpired("nvidia-smi", 5), ("", 0)),
    (subprocess.CalledProcessError(9, "nvidia-smi"), ("", 0)),
])  # fmt: skip
def test_the_first_gpu_is_named_or_none(monkeypatch, answer, found):
    smi(monkeypatch, answer)
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
