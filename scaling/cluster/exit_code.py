"""Passes the exit code of supervised work to its supervisor, after the last message is printed.

`scaling.cli.supervised` waits for the working process. If no code was left here, it reports how the
process ended, since Ray's native code ends a process without any message.
"""

import os
from contextlib import suppress


class _Pipe:
    """Holds the pipe that this process writes to; `writer` is None without a supervisor."""

    writer: int | None = None
    written = False


def leave_in(writer: int) -> None:
    """Makes this process supervised work, whose exit code goes to this open file descriptor."""
    _Pipe.writer = writer


def is_supervised() -> bool:
    """Returns True if a supervisor waits for this process."""
    return _Pipe.writer is not None


def leave(code: int) -> None:
    """Leaves the exit code for the supervisor; only the first call counts."""
    if _Pipe.writer is not None and not _Pipe.written:
        _Pipe.written = True
        with suppress(OSError):
            os.write(_Pipe.writer, str(code).encode())


def end(code: int) -> None:
    """Ends this process immediately, from any thread, after its last message."""
    leave(code)
    os._exit(code)
