"""Checks what Ray needs before it starts, and says what to do if something is missing.

Ray itself answers with tracebacks, timeouts, or the end of the process without any message.
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

OPEN = "open token"  # name of the one need that is this project's, not Ray's
LONGEST_SOCKET = 107 if sys.platform == "linux" else 103  # bytes in a socket's path
SOCKET = "ray/session_2026-01-01_00-00-00_000000_{pid}/sockets/plasma_store"  # as Ray names it


@dataclass(frozen=True)
class Need:
    """Describes one thing that Ray needs: its state, and what to type if that is not enough."""

    name: str
    found: str
    advice: str = ""  # empty if nothing is missing

    @property
    def sentence(self) -> str:
        """Returns what is wrong, and what to type."""
        return f"Ray cannot start here: {self.found}. {self.advice}"


def needs() -> Iterator[Need]:
    """Yields each thing that Ray needs, whether it is there or not."""
    yield temporary()
    yield token()


def temporary() -> Need:
    """Checks the folder for Ray's sessions: it must be writable, and its path short for sockets."""
    name, root = _temporary()
    advice = "Set RAY_TMPDIR to a folder of yours with a short path: export RAY_TMPDIR=DIR"
    length = len(os.fsencode(root / SOCKET.format(pid=os.getpid())))
    if length > LONGEST_SOCKET:
        most = LONGEST_SOCKET - length + len(os.fsencode(root))
        text = f"{name} is {root}, and for Ray's sockets it may have at most {most} bytes"
        return Need("ray folder", text, advice)
    fault = _fault(root / "ray")
    if fault:
        return Need("ray folder", f"{root / 'ray'} {fault}", advice)
    return Need("ray folder", str(root / "ray"))


def token() -> Need:
    """Checks the token file, which admits to a Ray cluster: its readers may run code there."""
    home = "Set HOME to a folder that you may write: export HOME=DIR"
    if not _is_read():
        return Need("token", "not needed in this environment")
    path = token_path()
    if path is None:
        return Need("token", "this user has no home folder, where Ray keeps its token", home)
    is_set = bool(os.environ.get("RAY_AUTH_TOKEN_PATH"))
    advice = "unset RAY_AUTH_TOKEN_PATH" if is_set else home
    try:
        if path.is_file():
            empty = not path.read_text().strip()
            return Need("token", f"{path} is empty", _quoted("rm", path)) if empty else _there(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        return Need("token", f"{path} cannot be read: {reason}", advice)
    if is_set:
        text = f"RAY_AUTH_TOKEN_PATH names {path}, which does not exist: Ray cannot start"
        return Need("token", text, advice)
    fault = _fault(path)
    if fault:
        return Need("token", f"{path}, where Ray keeps its token, {fault}", home)
    return Need("token", f"no {path} yet: a local Ray writes it")


def _there(path: Path) -> Need:
    """Checks that other users cannot read an existing token."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Need(OPEN, f"{path} is open to other users", _quoted("chmod", "600", path))
    return Need("token", f"{path} is private")


def make_token_private() -> None:
    """Creates the token before Ray does, whose own would at first be readable by others."""
    path = token_path()
    if path is None or not _is_read():
        return
    if path.is_file():
        if path.stat().st_uid == os.getuid():
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        return
    if os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return  # the user's own choice, which `token` reports as missing
    path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".auth_token.", dir=path.parent)  # 0600
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_hex(32))
    with suppress(FileExistsError):  # another launch has created one meanwhile
        os.link(name, path)
    os.unlink(name)


def _quoted(*words: object) -> str:
    """Returns a command, quoted for a shell."""
    return shlex.join(map(str, words))


def _is_read() -> bool:
    """Returns True if Ray will read the token from a file.

    Otherwise it uses no token, or one in an environment variable.
    """
    mode = os.environ.get("RAY_AUTH_MODE", "token").lower()
    return mode == "token" and not os.environ.get("RAY_AUTH_TOKEN")


def _temporary() -> tuple[str, Path]:
    """Returns the temporary folder, and the variable that sets it or a phrase in its place."""
    for name in ("RAY_TMPDIR", *(["TMPDIR"] if sys.platform == "linux" else [])):
        if name in os.environ:
            return name, Path(os.environ[name])
    return "the temporary folder", Path("/tmp")


def _fault(path: Path) -> str:
    """Returns why a folder or file cannot be created there, or "". It leaves nothing behind."""
    try:
        folder = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return ""
