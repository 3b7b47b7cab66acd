"""Standard output and error as they are found: closed, in any encoding, a pipe that goes away.

What cannot be written ends no work: the rest of the output is dropped, and `lost` tells why.
"""

import errno
import io
import os
import sys

GONE = {errno.EPIPE, errno.EIO}  # nobody reads any more: the pipe is closed, the terminal is gone


class Surviving(io.RawIOBase):
    """A file descriptor whose errors are kept instead of raised."""

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
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor, which is neither 1 nor 2: those are left to native code."""
        return self.number

    def isatty(self) -> bool:
        """Whether a person watches."""
        return os.isatty(self.number)


def settle() -> None:
    """Puts streams that survive in place of stdout and stderr; what they cannot spell is escaped.

    A closed descriptor is opened on nothing first: a file opened later would get its number, and
    whatever is printed would be written there.
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
    """Why some of the output is nowhere; empty where all is, or where nobody wanted to read it."""
    for stream in (sys.stdout, sys.stderr):
        raw = getattr(getattr(stream, "buffer", None), "raw", None)
        if isinstance(raw, Surviving):
            stream.flush()
            if raw.error is not None and raw.error.errno not in GONE:
                return f"The output could not be written: {raw.error.strerror}"
    return ""


def _descriptor(stream: io.TextIOBase) -> int:
    """The number of the stream's descriptor; -1 where it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1


def _surviving(old: io.TextIOWrapper | None, number: int) -> io.TextIOWrapper:
    """A stream in the encoding of the old one."""
    if old is not None:
        try:
            old.flush()
        except OSError:
            pass  # told by the new one, when it meets the same
    raw = Surviving(os.dup(number))
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or raw.isatty(),
        write_through=old is not None and old.write_through,
    )
