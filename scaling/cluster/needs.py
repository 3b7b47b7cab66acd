"""What Ray needs of its environment before it starts: told by name, and what to set for it.

Ray's own errors for these are tracebacks, timeouts, or the end of the process without a word.
"""

import os
import secrets
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scaling.cluster import token_path

OPEN = "open token"  # the name of the need that Ray itself does not have
LONGEST_SOCKET = 107 if sys.platform == "linux" else 103  # bytes of a socket's path
SOCKET = "ray/session_2026-01-01_00-00-00_000000_{pid}/sockets/plasma_store"  # as Ray names it


@dataclass(frozen=True)
class Need:
    """One thing that Ray needs: what was found, and what to type where that is not enough."""

    name: str
    found: str
    advice: str = ""  # empty: it is there

    @property
    def sentence(self) -> str:
        """What is wrong, and what to type."""
        return f"Ray cannot start here: {self.found}. {self.advice}"


def needs() -> Iterator[Need]:
    """What Ray needs here, each found or not."""
    yield temporary()
    yield token()


def temporary() -> Need:
    """The folder in which Ray makes its sessions; its sockets' names must be short."""
    name, root = _temporary()
    advice = "Set RAY_TMPDIR to a folder of yours with a short path: export RAY_TMPDIR=DIR"
    length = len(os.fsencode(root / SOCKET.format(pid=os.getpid())))
    if length > LONGEST_SOCKET:
        most = LONGEST_SOCKET - length + len(os.fsencode(root))
        found = f"{name} is {root}, and the names of sockets leave room for {most} bytes"
        return Need("ray folder", found, advice)
    fault = _fault(root / "ray")
    if fault:
        return Need("ray folder", f"{root / 'ray'} {fault}", advice)
    return Need("ray folder", str(root / "ray"))


def token() -> Need:
    """The file that lets a process into a Ray cluster; whoever reads it may run code there."""
    home = "Set HOME to a folder that you may write: export HOME=DIR"
    if not _is_asked_for():
        return Need("token", "not asked for by this environment")
    path = token_path()
    if path is None:
        return Need("token", "this user has no home folder, where Ray keeps its token", home)
    given = bool(os.environ.get("RAY_AUTH_TOKEN_PATH"))
    advice = "unset RAY_AUTH_TOKEN_PATH" if given else home
    try:
        if path.is_file():
            empty = not path.read_text().strip()
            return Need("token", f"{path} is empty", _quoted("rm", path)) if empty else _there(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        return Need("token", f"{path} cannot be read: {reason}", advice)
    if given:
        found = f"RAY_AUTH_TOKEN_PATH names {path}, which is not there: no Ray starts"
        return Need("token", found, advice)
    fault = _fault(path)
    if fault:
        return Need("token", f"{path}, where Ray keeps its token, {fault}", home)
    return Need("token", f"no {path} yet: a local Ray writes it")


def _there(path: Path) -> Need:
    """A token that can be read; other users must not read it."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Need(OPEN, f"{path} is open to other users", _quoted("chmod", "600", path))
    return Need("token", f"{path} is private")


def make_token_private() -> None:
    """Makes the token before Ray does, which would let others read it until it has started."""
    path = token_path()
    if path is None or not _is_asked_for():
        return
    if path.is_file():
        if path.stat().st_uid == os.getuid():
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        return
    if os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return  # the user's own, which is missing
    path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".auth_token.", dir=path.parent)  # 0600
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_hex(32))
    with suppress(FileExistsError):  # another launch has made one meanwhile
        os.link(name, path)
    os.unlink(name)


def _quoted(*words: object) -> str:
    """A command, quoted for a shell."""
    return shlex.join(map(str, words))


def _is_asked_for() -> bool:
    """Whether Ray will read the token's file, rather than none or one of the environment."""
    mode = os.environ.get("RAY_AUTH_MODE", "token").lower()
    return mode == "token" and not os.environ.get("RAY_AUTH_TOKEN")


def _temporary() -> tuple[str, Path]:
    """The variable that names the temporary folder, or what stands in for it; and the folder."""
    for name in ("RAY_TMPDIR", *(["TMPDIR"] if sys.platform == "linux" else [])):
        if name in os.environ:
            return name, Path(os.environ[name])
    return "the temporary folder", Path("/tmp")


def _fault(path: Path) -> str:
    """Why a folder or file cannot be made there; empty where it can. It leaves nothing behind."""
    try:
        there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return ""
