"""Memory that a process frees stays with it: pages are not fetched from the system again."""

import subprocess
import sys

import pytest

STEPS = 10
SCRIPT = """
import resource
import torch
from scaling.runs.freed_memory import keep_freed_memory

MIB = 1 << 20

def faults(size, count):
    def step():
        tensors = [torch.ones(size // 4) for _ in range(count)]
    for _ in range(5):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({steps}):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(MIB, 200), keep_freed_memory(), faults(MIB, 200))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries have no mallopt")
def test_freed_memory_is_kept():
    words = [sys.executable, "-c", SCRIPT.format(steps=STEPS)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    plain, answer, kept = done.stdout.split()
    assert answer == "True"
    assert int(kept) < STEPS < 50 * STEPS < int(plain), done.stdout
