"""What a process and those that it has started are doing, by /proc."""

import os
import time
from pathlib import Path

SAMPLES, PAUSE = 10, 0.1  # how often it is looked at, and the seconds in between
BUSY = 0.1  # of a CPU, from which on a process is at work


def at_work(pid: int) -> bool:
    """Whether the process, or one that it has started, computes or waits for a CPU or a disk.

    A process that hangs sleeps. Where the system does not tell, False.
    """
    waiting, before = 0, _ticks(pid)
    for _ in range(SAMPLES):
        time.sleep(PAUSE)
        waiting += any(fields[0] in ("R", "D") for fields in _tree(pid))
    used = (_ticks(pid) - before) / os.sysconf("SC_CLK_TCK")
    return waiting > SAMPLES // 3 or used > BUSY * SAMPLES * PAUSE


def _ticks(pid: int) -> int:
    """The CPU time of the processes together."""
    return sum(int(fields[11]) + int(fields[12]) for fields in _tree(pid))


def _tree(pid: int) -> list[list[str]]:
    """Of the process and all below it the fields of /proc/PID/stat, from the state on."""
    every: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            every[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
    mine = {pid} & every.keys()
    while more := {p for p, fields in every.items() if int(fields[1]) in mine} - mine:
        mine |= more
    return [every[p] for p in mine]
