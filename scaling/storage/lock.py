"""One launch at a time on a results folder, whichever hosts and containers see it.

`launch.lock` names its holder and holds a counter that the holder raises every few seconds. A
holder of the same boot and process-id namespace is looked up by its process; any other is watched:
while its counter changes it lives. No clock of another host is ever compared with one of this.
"""

import fcntl
import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.errors import Unfinished, UsageError
from scaling.storage.files import read_json

BEAT_SECONDS = 5.0
WATCH_SECONDS = 60.0  # without a change, after which a holder elsewhere counts as dead
TORN_SECONDS = 2.0  # in which a lock that cannot be read is written, if somebody is writing it
POLL_SECONDS = 0.2
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
Holder = dict[str, Any]


@dataclass(frozen=True)
class Fence:
    """Stops the writers of a launch whose lock another launch has taken over, on any host."""

    path: Path
    id: str  # of the launch that they write for

    @property
    def stands(self) -> bool:
        """Whether the lock is still that launch's; one that cannot be read is not another's."""
        there = read_json(self.path)
        return there is None or there.get("id") == self.id

    def check(self) -> None:
        """Raises Unfinished where another launch has taken the lock over."""
        if not self.stands:
            raise _taken_over(self.path)


class Lock:
    """The lock that this process holds; a thread raises its counter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder: Holder = {
            "id": uuid.uuid4().hex,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            **_place(),
        }
        self.count, self.lost = 0, False
        self.ended = threading.Event()

    def __getstate__(self) -> Holder:
        """For a copy that neither beats nor releases: Ray Tune writes its callbacks to disk."""
        return {name: value for name, value in vars(self).items() if name != "ended"}

    @property
    def fence(self) -> Fence:
        """For the processes that write for this launch."""
        return Fence(self.path, self.holder["id"])

    def content(self) -> bytes:
        """The file, always of the same length: it can be rewritten in place on a full disk."""
        return json.dumps(self.holder | {"beat": f"{self.count:012d}"}).encode()

    def beat(self) -> None:
        """Raises the counter, or notes that the lock is another launch's now."""
        if not self.fence.stands:
            self.lost = True
            return
        self.count += 1
        with suppress(OSError), open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(self.content())

    def check(self) -> None:
        """Raises Unfinished where another launch has taken the lock over."""
        self.lost = self.lost or not self.fence.stands
        if self.lost:
            raise _taken_over(self.path)

    def release(self) -> None:
        """Removes the file if it is still this process's."""
        self.ended.set()
        if (read_json(self.path) or {}).get("id") == self.holder["id"]:
            self.path.unlink(missing_ok=True)

    def keep_beating(self) -> None:
        """Beats until the lock is released or lost."""
        while not self.ended.wait(BEAT_SECONDS) and not self.lost:
            self.beat()


def _taken_over(path: Path) -> Unfinished:
    return Unfinished(
        f"Another launch has taken over {path.parent}, since this one had shown no sign of life. "
        "Nothing finished is lost: wait for it, then type the same command."
    )


@contextmanager
def locked(root: Path) -> Iterator[Lock]:
    """Holds `launch.lock` in the results folder; raises UsageError while another launch does."""
    lock = Lock(root / "launch.lock")
    _take(lock)
    threading.Thread(target=lock.keep_beating, name="lock", daemon=True).start()
    try:
        yield lock
    finally:
        lock.release()


def holder_of(root: Path) -> tuple[Holder, bool | None]:
    """Returns who holds the folder's lock, {} for nobody, and whether that process lives.

    None: it belongs to another host or container, and its process cannot be seen from here.
    """
    holder = read_json(root / "launch.lock") or {}
    if not holder:
        return {}, False
    pid = holder.get("pid")
    if not _is_here(holder):
        return holder, None
    return holder, isinstance(pid, int) and _started(pid) == holder.get("started", "")


def _take(lock: Lock) -> None:
    for _ in range(3):
        if _create(lock):
            return
        seen = _seen(lock.path)
        holder = read_json(lock.path) or {}
        if seen and _is_alive(lock.path, holder, seen):
            raise UsageError(
                f"Another launch is at work on {lock.path.parent} (process {holder.get('pid')} on "
                f"{holder.get('host')}). Wait for it, or give another --results folder."
            )
        _bury(lock.path, seen)
    raise UsageError(f"{lock.path} cannot be taken: another launch is starting. Try again.")


def _create(lock: Lock) -> bool:
    try:
        handle = os.open(lock.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as stream:
        stream.write(lock.content())
    return True


def _bury(path: Path, seen: object) -> None:
    """Removes a dead holder's lock, unless it has changed since it was judged."""
    with open(path.with_name(".launch.guard"), "wb") as guard:
        with suppress(OSError):  # a file system without such locks
            fcntl.flock(guard, fcntl.LOCK_EX)
        if _seen(path) == seen:
            path.unlink(missing_ok=True)


def _is_alive(path: Path, holder: Holder, seen: object) -> bool:
    """Whether the lock's process lives, as far as this process can tell."""
    if not holder:
        return _changes(path, seen, TORN_SECONDS)
    if _is_here(holder):
        pid = holder.get("pid")
        return isinstance(pid, int) and _started(pid) == holder.get("started", "")
    print(
        f"{path} is of process {holder.get('pid')} on {holder.get('host')}: watching for up to "
        f"{WATCH_SECONDS:g} s whether it lives",
        file=sys.stderr,
        flush=True,
    )
    return _changes(path, seen, WATCH_SECONDS)


def _is_here(holder: Holder) -> bool:
    """Whether the holder's process would be seen from here; older locks name the host only."""
    if "boot" not in holder:
        return holder.get("host") == socket.gethostname()
    return all(holder.get(name) == value for name, value in _place().items())


def _changes(path: Path, seen: object, seconds: float) -> bool:
    """Whether the file changes, or goes, within so many seconds of this process's own time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _seen(path) != seen:
            return path.exists()
        time.sleep(POLL_SECONDS)
    return False


def _seen(path: Path) -> object:
    """What tells one state of the file from the next; None where it is not there."""
    try:
        return path.read_bytes(), path.stat().st_mtime_ns
    except OSError:
        return None


def _place() -> dict[str, str]:
    """Where process numbers mean the same: the boot of the machine, and the namespace in it."""
    boot = namespace = ""
    with suppress(OSError):
        boot = BOOT_ID.read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    return {"boot": boot or socket.gethostname(), "pid_namespace": namespace}


def _started(pid: int) -> str | None:
    """When the process started, as text that tells it from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "alive"
    except OSError:
        return None
    return "alive"
