"""How large this machine is for this process: CPUs and memory within the limits set for it.

A batch system or a container gives a process less than the machine has: through its affinity, a
limit on its address space, or control groups (of version 1 or 2, each inside others).
"""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUP_2 = "cgroup2"  # as a mount calls version 2


def cpus() -> int:
    """Returns how many CPUs this process may use, by its affinity and its quota; at least 1.

    A quota of half a CPU counts as one, one of 2.5 as two: a trial is given whole ones.
    """
    allowed = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0)) or allowed
    return max(1, int(min([allowed, *_quotas()])))


def memory_bytes() -> int:
    """Returns the bytes of memory that this process may use: the machine's, or its limit."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([whole, *_memory_limits()]))


def _quotas() -> Iterator[float]:
    """The CPUs that each control group around this process allows."""
    for folder in _groups("cpu"):
        together = _read(folder / "cpu.max").split()
        apart = [_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        quota, period = together if len(together) == 2 else apart
        if _is_number(quota) and _is_number(period):  # none: "max", or -1
            yield int(quota) / int(period)


def _memory_limits() -> Iterator[float]:
    """Bytes, by each control group around this process, and of its address space."""
    for folder in _groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if _is_number(limit := _read(folder / name)):
                yield int(limit)
    try:
        import resource
    except ImportError:  # no POSIX system
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield soft


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the control groups around this process, as far as they are seen here.

    A container may not see where it lies: then the mount itself is its group.
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
    """The text of the file; empty where it cannot be read: then it limits nothing."""
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _is_number(text: str) -> bool:
    """Whether it is a number of at least 1; `max` and -1 stand for no limit."""
    return text.isascii() and text.isdigit() and int(text) > 0
