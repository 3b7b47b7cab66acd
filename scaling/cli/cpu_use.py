"""Finds out from /proc whether a process and its descendants are working."""

import os
import time
from pathlib import Path

SAMPLES, PAUSE = 10, 0.1  # number of observations, and the seconds between two of them
BUSY = 0.1  # a process that uses more than this part of a CPU is working


def is_working(pid: int) -> bool:
    """Returns True if the process or a descendant computes or waits for a CPU or a disk.

    A process that hangs sleeps. Without /proc the answer is False.
    """
    waiting, before = 0, _ticks(pid)
    for _ in range(SAMPLES):
        time.sleep(PAUSE)
        waiting += any(fields[0] in ("R", "D") for fields in _tree(pid))
    used = (_ticks(pid) - before) / os.sysconf("SC_CLK_TCK")
    return waiting > SAMPLES // 3 or used > BUSY * SAMPLES * PAUSE


def _ticks(pid: int) -> int:
    """Returns the CPU time of the process and its descendants, in clock ticks."""
    return sum(int(fields[11]) + int(fields[12]) for fields in _tree(pid))


def _tree(pid: int) -> list[list[str]]:
    """Returns the fields of /proc/PID/stat, from the state on, of a process and its descendants."""
    every: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            every[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
    pids = {pid} & every.keys()
    while more := {p for p, fields in every.items() if int(fields[1]) in pids} - pids:
        pids |= more
    return [every[p] for p in pids]
