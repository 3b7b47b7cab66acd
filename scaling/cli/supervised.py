"""Runs a command in a process of its own, so that every end of it has a sentence and a code.

Ray's native code ends the driver where the head or the raylet is gone, and puts its own handlers
of signals in place. The first process is small and imports nothing of that: it passes signals on,
waits, and says how the work ended if the work itself could not.
"""

import atexit
import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Never

from analysis import streams
from scaling.cluster import exit_code

GRACE_SECONDS = 30.0  # from a second signal on, for what is being written
PR_SET_PDEATHSIG = 1  # of prctl: the signal that a process gets when its parent dies
UNFINISHED = 3  # exit code
HEAVY = {"ray", "torch"}  # modules that start threads, which a copy of the process lacks


def stopping() -> list[signal.Signals]:
    """The signals that ask for a clean stop, without those that whoever started this ignores.

    `nohup` ignores SIGHUP, and a shell SIGINT of what it runs in the background.
    """
    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in every if signal.getsignal(number) != signal.SIG_IGN]


class Supervisor:
    """The first process: the work's process, and the signals that came."""

    def __init__(self, pid: int, said: int) -> None:
        self.pid, self.said = pid, said
        self.received: list[int] = []

    def pass_on(self, number: int, frame: object) -> None:
        """Passes the first signal on; a second one sets an end to the patience."""
        self.received.append(number)
        if len(self.received) == 1:
            self._send(number)
        elif len(self.received) == 2:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def give_up(self, number: int, frame: object) -> None:
        """Ends work that does not end by itself."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, again: str) -> int:
        """The exit code, once the work has ended; a sentence where it has said nothing itself."""
        for number in stopping():
            signal.signal(number, self.pass_on)
        signal.signal(signal.SIGALRM, self.give_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping())
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        os.set_blocking(self.said, False)
        with suppress(OSError):
            if said := os.read(self.said, 16):
                return int(said)
        return self._silent(code, again)

    def _silent(self, code: int, again: str) -> int:
        if self.received:
            print(f"\nStopped; nothing finished is lost. Go on with: {again}", file=sys.stderr)
            return 128 + self.received[0]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        why = "its head or a node is gone, or memory ran out"
        print(
            f"Error: the process that works with Ray {how}: {why}. What is finished is kept, and "
            f"Ray's log lies under the results. Type the same command again: {again}",
            file=sys.stderr,
        )
        return UNFINISHED


def _end(work: Callable[[], Never]) -> Never:
    """Runs the work and ends the process here, with what was registered for its own end."""
    atexit._clear()  # what the first process has registered is its own to do
    code: object = 1
    try:
        work()
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def supervised(work: Callable[[], Never], again: Callable[[], str]) -> Never:
    """Runs the work in a second process, and ends this one as the work has ended.

    `again` gives the command to type. The work dies with this process, and never comes back into
    the code of a caller. It just runs inside of supervised work, elsewhere than on Linux, and where
    the process cannot be copied safely: with other threads, with Ray or PyTorch loaded (a notebook,
    a script that calls a study's `main`).
    """
    if exit_code.is_supervised():
        work()
    streams.settle()
    if sys.platform != "linux" or HEAVY & sys.modules.keys() or threading.active_count() > 1:
        work()
    reader, writer = os.pipe()
    here = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping())  # until there is somebody to pass them on
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping())
        os.close(reader)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != here:  # it has died before that
            os._exit(UNFINISHED)
        exit_code.leave_in(writer)
        _end(work)
    os.close(writer)
    sys.exit(Supervisor(pid, reader).wait(again()))
