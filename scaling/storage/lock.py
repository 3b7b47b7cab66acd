"""One launch at a time on a results folder; the lock of a dead process counts for nothing."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling.errors import UsageError
from scaling.storage.files import read_json

STALE_SECONDS = 15 * 60  # without a sign of life from another host


@contextmanager
def locked(root: Path) -> Iterator[Path]:
    """Holds `launch.lock` in the results folder; raises UsageError while another launch does.

    Touch the path that it gives now and then: hosts that cannot see this process go by its age.
    """
    path = root / "launch.lock"
    _take(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _take(path: Path) -> None:
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}
    for _ in range(2):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            holder = read_json(path) or {}
            if _alive(path, holder):
                raise UsageError(
                    f"Another launch is at work on {path.parent} (process {holder.get('pid')} on "
                    f"{holder.get('host')}). Wait for it, or give another --results folder."
                ) from None
            path.unlink(missing_ok=True)
            continue
        with os.fdopen(handle, "w") as stream:
            json.dump(mine, stream)
        return
    raise UsageError(f"{path} cannot be taken: another launch is starting. Try again.")


def _alive(path: Path, holder: dict[str, object]) -> bool:
    """Whether the lock's process lives, as far as this host can tell."""
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    if not holder:
        return age < 5  # being written at this moment, or torn
    if holder.get("host") != socket.gethostname():
        return age < STALE_SECONDS
    pid = holder.get("pid")
    return isinstance(pid, int) and _started(pid) is not None and _started(pid) == holder["started"]


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
