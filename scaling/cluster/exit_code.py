"""Where work under supervision leaves its exit code, once its end has been told.

`scaling.cli.supervised` waits for the process that works, and says how it ended if nothing was
left here: an end by Ray's native code has no words of its own.
"""

import os
from contextlib import suppress


class _Pipe:
    """The end that this process writes to: None where nobody waits for it."""

    writer: int | None = None
    written = False


def leave_in(writer: int) -> None:
    """Makes this process supervised work, whose exit code goes to this open descriptor."""
    _Pipe.writer = writer


def is_supervised() -> bool:
    """Returns whether a supervisor waits for this process."""
    return _Pipe.writer is not None


def leave(code: int) -> None:
    """Leaves the exit code for the supervisor; the first one counts."""
    if _Pipe.writer is not None and not _Pipe.written:
        _Pipe.written = True
        with suppress(OSError):
            os.write(_Pipe.writer, str(code).encode())


def end(code: int) -> None:
    """Ends this process at once, from any thread, after its last sentence."""
    leave(code)
    os._exit(code)
