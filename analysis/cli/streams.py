"""Keeps a program running if its output is closed, has another encoding, or is a closed pipe.

Output that cannot be written is dropped instead, and `lost` returns the reason.
"""

import errno
import io
import os
import sys

GONE = {errno.EPIPE, errno.EIO}  # nobody reads any more: closed pipe, closed terminal


class Surviving(io.RawIOBase):
    """Writes to a file descriptor and keeps its errors instead of raising them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.error: OSError | None = None

    def write(self, data: object) -> int:
        """Writes bytes, or drops them after the first error."""
        view = memoryview(data)  # type: ignore[arg-type]
        if self.error is None:
            try:
                return os.write(self.number, view)
            except OSError as error:
                self.error = error
        return view.nbytes

    def writable(self) -> bool:
        """Returns True."""
        return True

    def fileno(self) -> int:
        """Returns the descriptor, which is a copy of 1 or 2: these are left to native code."""
        return self.number

    def isatty(self) -> bool:
        """Returns whether the output is a terminal."""
        return os.isatty(self.number)


def settle() -> None:
    """Replaces stdout and stderr by streams that survive errors and escape unknown characters.

    Closed descriptors are opened on /dev/null first. Otherwise a file opened later would get their
    number, and everything printed would be written to that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        if old is None or _descriptor(old) == number:
            setattr(sys, name, _surviving(old, number))


def lost() -> str:
    """Returns why some of the output was lost; "" if none was, or if nobody was reading."""
    for stream in (sys.stdout, sys.stderr):
        raw = getattr(getattr(stream, "buffer", None), "raw", None)
        if isinstance(raw, Surviving):
            stream.flush()
            if raw.error is not None and raw.error.errno not in GONE:
                return f"The output could not be written: {raw.error.strerror}"
    return ""


def _descriptor(stream: io.TextIOBase) -> int:
    """Returns the number of the stream's descriptor, -1 if it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1


def _surviving(old: io.TextIOWrapper | None, number: int) -> io.TextIOWrapper:
    """Returns a surviving stream in the encoding of the old one.

    There is no old one if the descriptor was closed when Python started. A library may have opened
    a file since, which then has that number and is no output.
    """
    if old is not None:
        try:
            old.flush()
        except OSError:
            pass  # the new stream will meet and keep the same error
    raw = Surviving(os.dup(number) if old is not None else os.open(os.devnull, os.O_WRONLY))
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or raw.isatty(),
        write_through=old is not None and old.write_through,
    )
