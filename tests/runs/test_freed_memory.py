"""Memory that a process frees stays with the process, by the C library's own count."""

import ctypes
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes
from scaling.runs.freed_memory import keep_freed_memory

class Counts(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype, libc.malloc.restype = Counts, ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def counts():
    before = libc.mallinfo2().hblks
    blocks = [0] * 100  # a list that grows would move to between the blocks
    for at in range(100):
        blocks[at] = libc.malloc(100_000)
    for block in reversed(blocks):
        libc.free(block)
    kept = libc.mallinfo2().keepcost  # free bytes at the end of the heap
    large = libc.malloc(20 << 20)
    mapped = libc.mallinfo2().hblks - before  # handed back as they are freed
    return kept, mapped

print(*counts(), keep_freed_memory(), *counts())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries have no mallopt")
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33")
def test_freed_memory_is_kept():
    words = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    plain, plainly_mapped, answer, kept, mapped = done.stdout.split()
    assert answer == "True"
    assert int(plain) < 1_000_000 < 9_000_000 < int(kept), done.stdout
    assert (int(plainly_mapped), int(mapped)) == (1, 0), done.stdout
