"""Starts NVIDIA's Multi-Process Service (MPS): trials on one GPU then run in parallel.

Without it the processes on one GPU take turns, and four of them train as many images per second as
one does. MPS runs for one launch, with a pipe folder of its own, and is stopped afterwards; a
daemon that already runs is used and left alone. Its limits: a fault of one process can end the
others on that GPU (such a trial is tried again), and all processes must belong to one user.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from scaling.errors import UsageError
from scaling.trial.answers import answer_of

Mode = Literal["auto", "on", "off"]
CONTROL = "nvidia-cuda-mps-control"
ELSEWHERE = ("/usr/local/nvidia/bin", "/usr/bin", "/usr/local/cuda/bin")  # searched after PATH
PIPES, LOGS = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"
VISIBLE = "CUDA_VISIBLE_DEVICES"
DEFAULT_PIPES = "/tmp/nvidia-mps"  # where a daemon without PIPES listens
ANSWER_SECONDS, START_SECONDS = 5, 20
COST = "trials on one GPU then take turns: together they train no faster than one of them"


class Refused(Exception):
    """Signals that MPS cannot be used; the text says why."""


def running() -> bool:
    """Returns True if a daemon answers at the pipe folder that new processes would use."""
    pipes = Path(os.environ.get(PIPES) or DEFAULT_PIPES)
    try:
        return (pipes / "control").exists() and _answers(_program(), dict(os.environ))
    except Refused:
        return False


@contextmanager
def shared_gpus(mode: Mode, shares: bool, logs: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Runs MPS inside the `with` block if several trials per GPU are planned (`shares`).

    Processes started inside find it through the environment. If MPS is not available, `auto` prints
    one line on the cost of that, and `on` raises UsageError; `off` does nothing. The daemon writes
    its logs to the folder `logs`.
    """
    if mode == "off" or not shares:
        yield
        return
    if running():
        say("MPS: trials share GPUs through the daemon that already runs here")
        yield
        return
    try:
        started = _start(logs)
    except Refused as why:
        if mode == "on":
            raise UsageError(
                f"--mps on: {why}. Omit it to let trials take turns on a GPU."
            ) from None
        say(f"MPS is not used: {why}; {COST}")
        yield
        return
    before = {name: os.environ.get(name) for name in (PIPES, LOGS)}
    os.environ.update(started)
    try:
        yield
        if not running():
            say("MPS ended during the launch: after that, trials took turns on their GPU")
    finally:
        _stop(started)
        _restore(before)


def _start(logs: Path) -> dict[str, str]:
    """Starts a daemon with its own pipe folder; returns the environment variables for it."""
    program = _program()
    pipes = tempfile.mkdtemp(prefix="mps-")  # sockets need a short path; only this user may read it
    logs.mkdir(parents=True, exist_ok=True)
    variables = {PIPES: pipes, LOGS: str(logs.absolute())}
    environment = _unnumbered(os.environ) | variables
    try:
        _run([program, "-d"], environment, START_SECONDS)
        if not _answers(program, environment):
            raise Refused(f"{CONTROL} started but does not answer, see {logs}")
    except Refused:
        _stop(variables)
        raise
    return variables


def _unnumbered(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables without a choice of GPUs by number.

    A daemon that may use GPUs 2 and 3 alone gives them to its clients as 0 and 1, while Ray tells
    each client one of the numbers 2 and 3. Names (GPU-..., MIG-...) mean the same to both.
    """
    chosen = environment.get(VISIBLE, "").split(",")
    numbers = any(word.strip().isdigit() for word in chosen)
    return {n: value for n, value in environment.items() if n != VISIBLE or not numbers}


def _program() -> str:
    """Returns the path of NVIDIA's program; raises Refused if it is not installed."""
    program = shutil.which(CONTROL) or next(
        (path for folder in ELSEWHERE if (path := shutil.which(CONTROL, path=folder))), None
    )
    if program is None:
        raise Refused(f"{CONTROL} is not installed here")
    return program


def _answers(program: str, environment: Mapping[str, str]) -> bool:
    try:
        _run([program], environment, ANSWER_SECONDS, "get_server_list\n")
    except Refused:
        return False
    return True


def _run(
    command: list[str], environment: Mapping[str, str], seconds: float, typed: str = ""
) -> None:
    """Runs the program with the text `typed` as input; raises Refused if it fails.

    Its output goes to a file: a pipe would stay open for as long as a daemon holds its other end.
    """
    name = CONTROL
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        try:
            done = answer_of(
                command, seconds, typed, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise Refused(f"{name} cannot be run ({error.strerror})") from None
        except subprocess.TimeoutExpired:
            raise Refused(f"{name} does not answer within {seconds:g} s") from None
        if done.returncode:
            output.seek(0)
            lines = output.read().strip().splitlines() or [f"exit code {done.returncode}"]
            raise Refused(f"{name} refuses ({lines[0]})")


def _stop(variables: Mapping[str, str]) -> None:
    """Ends the daemon with these variables, whatever its state, and removes its pipe folder."""
    try:
        _run([_program()], dict(os.environ) | dict(variables), ANSWER_SECONDS, "quit -t 2\n")
    except Refused:
        pass  # it has ended already, or never answered
    shutil.rmtree(variables[PIPES], ignore_errors=True)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
