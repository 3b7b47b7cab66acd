"""Admits one launch at a time to a results folder, across hosts and containers.

`launch.lock` names its holder and contains a counter that the holder raises every few seconds. A
holder with the same boot and process-id namespace is checked by its process. Any other holder is
watched: as long as its counter changes, it lives. Clocks of different hosts are never compared.
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
from typing import cast

from scaling.errors import Unfinished, UsageError
from scaling.storage.contents import Holder, ProcessSpace
from scaling.storage.files import read_json

BEAT_SECONDS = 5.0
WATCH_SECONDS = 60.0  # a holder elsewhere counts as dead after this long without a change
TORN_SECONDS = 2.0  # an unreadable lock that nobody completes in this time is abandoned
POLL_SECONDS = 0.2
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Fence:
    """Stops the writers of a launch whose lock another launch has taken over, on any host."""

    path: Path
    id: str  # of the launch that the writers belong to

    @property
    def is_held(self) -> bool:
        """Is True while the lock is still that launch's; an unreadable lock counts as held."""
        holder = read_json(self.path)
        return holder is None or holder.get("id") == self.id

    def check(self) -> None:
        """Raises Unfinished if another launch has taken over the lock."""
        if not self.is_held:
            raise _taken_over(self.path)


class Lock:
    """Represents the lock that this process holds; a thread raises its counter."""

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

    def __getstate__(self) -> dict[str, object]:
        """Returns the state of a copy without its thread: Ray Tune pickles its callbacks."""
        return {name: value for name, value in vars(self).items() if name != "ended"}

    @property
    def fence(self) -> Fence:
        """Returns the fence that stops this launch's processes once the lock is lost."""
        return Fence(self.path, self.holder["id"])

    def content(self) -> bytes:
        """Returns the file's content, of constant length: even a full disk can rewrite it."""
        return json.dumps(self.holder | {"beat": f"{self.count:012d}"}).encode()

    def beat(self) -> None:
        """Raises the counter, or records that another launch has taken over the lock."""
        if not self.fence.is_held:
            self.lost = True
            return
        self.count += 1
        with suppress(OSError), open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(self.content())

    def check(self) -> None:
        """Raises Unfinished if another launch has taken over the lock."""
        self.lost = self.lost or not self.fence.is_held
        if self.lost:
            raise _taken_over(self.path)

    def release(self) -> None:
        """Removes the file if it is still this process's; the thread has stopped beating."""
        if (read_json(self.path) or {}).get("id") == self.holder["id"]:
            self.path.unlink(missing_ok=True)

    def keep_beating(self) -> None:
        """Raises the counter at regular intervals until the lock is released or lost."""
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
    folder = root.stat().st_ino
    (beating := threading.Thread(target=lock.keep_beating, name="lock", daemon=True)).start()
    try:
        yield lock
    finally:
        lock.ended.set()
        beating.join(BEAT_SECONDS)  # else a last beat might write the file again
        lock.release()
        with suppress(OSError):
            if root.stat().st_ino != folder:  # it vanished, and Ray Tune made an empty one
                root.rmdir()


def holder_of(root: Path) -> tuple[Holder, bool | None]:
    """Returns the holder of the folder's lock, {} if nobody, and whether its process lives.

    The second value is None if the holder is on another host or in another container, where its
    process cannot be seen from here.
    """
    holder = cast(Holder, read_json(root / "launch.lock") or {})
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
        holder = cast(Holder, read_json(lock.path) or {})
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
    """Removes a dead holder's lock, unless the file has changed since it was judged dead."""
    with open(path.with_name(".launch.guard"), "wb") as guard:
        with suppress(OSError):  # some file systems have no such locks
            fcntl.flock(guard, fcntl.LOCK_EX)
        if _seen(path) == seen:
            path.unlink(missing_ok=True)


def _is_alive(path: Path, holder: Holder, seen: object) -> bool:
    """Returns True if the lock's process lives, as far as this process can tell."""
    if not holder:
        return _changes(path, seen, TORN_SECONDS)
    if _is_here(holder):
        pid = holder.get("pid")
        return isinstance(pid, int) and _started(pid) == holder.get("started", "")
    print(
        f"{path} belongs to process {holder.get('pid')} on {holder.get('host')}: watching for up "
        f"to {WATCH_SECONDS:g} s whether it lives",
        file=sys.stderr,
        flush=True,
    )
    return _changes(path, seen, WATCH_SECONDS)


def _is_here(holder: Holder) -> bool:
    """Returns True if the holder's process is visible from here.

    Locks of earlier versions name only the host.
    """
    if "boot" not in holder:
        return holder.get("host") == socket.gethostname()
    return all(holder.get(name) == value for name, value in _place().items())


def _changes(path: Path, seen: object, seconds: float) -> bool:
    """Returns True if the file changes, and is not removed, within `seconds` of our own clock."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _seen(path) != seen:
            return path.exists()
        time.sleep(POLL_SECONDS)
    return False


def _seen(path: Path) -> object:
    """Returns the content and time of the file, to detect a change; None if it is missing."""
    try:
        return path.read_bytes(), path.stat().st_mtime_ns
    except OSError:
        return None


def _place() -> ProcessSpace:
    """Returns the machine's boot id and the process-id namespace: process ids are unique there."""
    boot = namespace = ""
    with suppress(OSError):
        boot = BOOT_ID.read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    return {"boot": boot or socket.gethostname(), "pid_namespace": namespace}


def _started(pid: int) -> str | None:
    """Returns the process's start time as text, to tell it from a later process of the same id.

    Returns "alive" if only its existence is known, and None if there is no such process or if it
    has ended and waits for its parent, forever in a container whose first process never looks.
    """
    with suppress(OSError, ValueError, IndexError):
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "alive"
    except OSError:
        return None
    return "alive"
