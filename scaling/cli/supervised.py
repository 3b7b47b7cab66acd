"""Runs a command in a second process, so that every end of it yields a message and a code.

Ray's native code ends the driver when the head node or the raylet is gone, and installs its own
signal handlers. The first process is small and imports none of that: it forwards signals, waits,
and reports how the work ended if the work itself could not.
"""

import atexit
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Never

from analysis.cli import streams
from scaling.cluster import exit_code
from scaling.storage.parallel import can_be_copied, die_with

LOOK_SECONDS = 1.0  # between two looks for signals that came at a bad moment
GRACE_SECONDS = 30.0  # after a second signal, for unfinished writes
UNFINISHED = 3  # exit code


def stopping() -> list[signal.Signals]:
    """Returns the signals for a clean stop, without those that this process ignores.

    `nohup` ignores SIGHUP, and a shell ignores SIGINT for its background jobs.
    """
    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in every if signal.getsignal(number) != signal.SIG_IGN]


class Supervisor:
    """Waits for the working process, forwards signals to it, and reports its end."""

    def __init__(self, pid: int, answer: int) -> None:
        self.pid, self.answer = pid, answer
        self.received: list[int] = []

    def pass_on(self, number: int, frame: object) -> None:
        """Forwards the first signal; a second one starts the grace period."""
        self.received.append(number)
        if len(self.received) == 1:
            self._send(number)
        elif len(self.received) == 2:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def give_up(self, number: int, frame: object) -> None:
        """Kills the working process at the end of the grace period."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, again: str) -> int:
        """Returns the exit code of the work, and prints a sentence if the work has printed none."""
        for number in stopping():
            signal.signal(number, self.pass_on)
        signal.signal(signal.SIGALRM, self.give_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping())
        code = os.waitstatus_to_exitcode(self._ended())
        os.set_blocking(self.answer, False)
        with suppress(OSError):
            if code_text := os.read(self.answer, 16):
                return int(code_text)
        return self._silent(code, again)

    def _ended(self) -> int:
        """Waits for the work's end and returns its status.

        Python runs a handler between two calls, so that a signal just before a long wait would
        stay without an answer: this one ends at least every `LOOK_SECONDS`.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            signal.sigtimedwait([signal.SIGCHLD], LOOK_SECONDS)
        return ended[1]

    def _silent(self, code: int, again: str) -> int:
        if self.received:
            print(f"\nStopped; nothing finished is lost. Continue with: {again}", file=sys.stderr)
            return 128 + self.received[0]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        why = "its head or a node is gone, or memory ran out"
        print(
            f"Error: the process that works with Ray {how}: {why}. Finished work is kept, and "
            f"Ray's log is in the results folder. Type the same command again: {again}",
            file=sys.stderr,
        )
        return UNFINISHED


def _end(work: Callable[[], Never]) -> Never:
    """Runs the work and ends this process, after running its own exit handlers."""
    atexit._clear()  # handlers of the first process must run there only
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
    """Runs the work in a second process, and ends this one with the same exit code.

    `again` returns the command to type. The work dies with this process, and never returns into the
    caller's code. It runs in this process instead if this is supervised work already, on systems
    other than Linux, and where the process cannot be copied safely: with other threads, or with Ray
    or PyTorch loaded (a notebook, a script that calls a study's `main`).
    """
    if exit_code.is_supervised():
        work()
    streams.settle()
    if not can_be_copied():
        work()
    reader, writer = os.pipe()
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping())  # until the supervisor can forward them
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping())
        os.close(reader)
        if not die_with(parent):
            os._exit(UNFINISHED)
        exit_code.leave_in(writer)
        _end(work)
    os.close(writer)
    sys.exit(Supervisor(pid, reader).wait(again()))
