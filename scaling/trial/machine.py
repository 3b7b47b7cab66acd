"""Determines the CPUs and the memory that this process may use.

A batch system or a container gives a process less than the whole machine: through its affinity, a
limit on its address space, or control groups (version 1 or 2, nested).
"""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
CGROUP_2 = "cgroup2"  # the name of version 2 in the list of mounts


def cpus() -> int:
    """Returns how many CPUs this process may use, by its affinity and its quota; at least 1.

    A quota of half a CPU counts as one, and one of 2.5 CPUs as two, because trials get whole CPUs.
    """
    allowed = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0)) or allowed
    return max(1, int(min([allowed, *_quotas()])))


def memory_bytes() -> int:
    """Returns the bytes of memory that this process may use: the machine's memory or the limit."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([whole, *_memory_limits()]))


def give_back_memory() -> None:
    """Gives free memory back to the system; with a C library that keeps it (not glibc), nothing."""
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _quotas() -> Iterator[float]:
    """Yields the number of CPUs that each control group around this process allows."""
    for folder in _groups("cpu"):
        together = _read(folder / "cpu.max").split()
        apart = [_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        quota, period = together if len(together) == 2 else apart
        if _is_number(quota) and _is_number(period):  # none: "max", or -1
            yield int(quota) / int(period)


def _memory_limits() -> Iterator[float]:
    """Yields the limits in bytes of each control group around this process and of its addresses."""
    for folder in _groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if _is_number(limit := _read(folder / name)):
                yield int(limit)
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield soft


def _groups(controller: str) -> Iterator[Path]:
    """Yields the folders of the control groups around this process, as far as they are visible.

    Inside a container the path of its own group may be invisible; the mount itself is then its
    group.
    """
    paths: dict[str, str] = {}
    for line in _read(PROC / "self" / "cgroup").splitlines():
        _, names, path = line.split(":", 2)
        paths |= dict.fromkeys(names.split(","), path)
    for line in _read(PROC / "mounts").splitlines():
        _, point, kind, options, *_ = line.split()
        name = "" if kind == CGROUP_2 else controller
        if kind == CGROUP_2 or kind == "cgroup" and controller in options.split(","):
            inner = [part for part in Path(paths.get(name, "/")).parts if part not in ("/", "..")]
            for depth in range(len(inner) + 1):
                yield Path(point, *inner[:depth])


def _read(path: Path) -> str:
    """Returns the text of a file, or an empty string, which is no limit, if it cannot be read."""
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _is_number(text: str) -> bool:
    """Returns True for a number of at least 1; `max` and -1 mean that there is no limit."""
    return text.isascii() and text.isdigit() and int(text) > 0
