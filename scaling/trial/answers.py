"""Runs another program with a limit of time, which holds even if the program cannot be killed.

`subprocess.run` waits for a program that it has killed. One that waits for a GPU's driver ends only
when the driver answers, which may be never.
"""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

KILLED_SECONDS = 1  # in which a killed program usually ends
LEFT: list[subprocess.Popen[str]] = []  # killed programs that have not ended


def answer_of(
    command: Sequence[str], seconds: float, typed: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs the program with the text `typed` as input and returns how it ended.

    `options` are those of `subprocess.Popen`. Raises OSError if it cannot be started, and
    TimeoutExpired after `seconds`; then it is killed, and left alone if it does not end.
    """
    stdin = None if typed is None else subprocess.PIPE
    process = subprocess.Popen(command, text=True, stdin=stdin, **options)
    try:
        out, err = process.communicate(typed, timeout=seconds)
    except BaseException:
        _give_up(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def printed(command: Sequence[str], seconds: float) -> str:
    """Returns what the program prints; raises CalledProcessError too, if it fails."""
    done = answer_of(command, seconds, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done.check_returncode()
    return done.stdout


def _give_up(process: subprocess.Popen[str]) -> None:
    process.kill()
    try:
        process.wait(KILLED_SECONDS)
    except subprocess.TimeoutExpired:
        LEFT.append(process)  # else Python would warn that it still runs
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):  # what was typed may be unread
                stream.close()
