"""Ends a command with an exit code; turns errors, Ctrl-C, SIGTERM and SIGHUP into sentences."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Never

from analysis.cli import streams
from scaling.cli.supervised import stopping, supervised
from scaling.cluster import exit_code
from scaling.errors import COMMAND, Unfinished, UsageError

if TYPE_CHECKING:
    from scaling.storage.lock import Lock

DONE, CRASHED, USAGE, FAILED, CAPPED = 0, 1, 2, 3, 4
LONGEST_ERROR = 300  # characters shown of an error that Ray raises


class Interrupted(KeyboardInterrupt):
    """Represents a signal that stops the process, treated like Ctrl-C.

    Ray may turn it into a plain KeyboardInterrupt, so the signal's number is kept in the class.
    """

    received: int | None = None


def ended(work: Callable[[], int]) -> Never:
    """Runs a command under supervision, with robust output streams and errors as sentences."""
    supervised(lambda: guarded(work), command)


def guarded(work: Callable[[], int]) -> Never:
    """Ends the process with the exit code of the work; errors become sentences."""
    for number in stopping():
        signal.signal(number, _interrupt)
    code = _code_of(work)
    if fault := streams.lost():
        print(f"Error: {fault}. Fix this, then type: {command()}", file=sys.stderr)
        code = code or FAILED
    exit_code.leave(code)
    sys.exit(code)


def _code_of(work: Callable[[], int]) -> int:
    """Returns the exit code of the work, after printing a sentence for an error."""
    try:
        return work()
    except SystemExit as stop:  # argparse raises it after --help
        return stop.code if isinstance(stop.code, int) else DONE
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED if isinstance(error, Unfinished) else USAGE
    except OSError as error:
        print(f"Error: {error}. Fix this, then type: {command()}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(
            f"\nStopped; nothing is lost. Continue with: {command()}", file=sys.stderr, flush=True
        )
        return 128 + (Interrupted.received or signal.SIGINT)
    except BaseException:
        exit_code.leave(CRASHED)  # the traceback says why
        raise


@contextmanager
def at_work(root: Path) -> Iterator["Lock"]:
    """Holds the lock of the results folder inside the `with` block.

    Turns errors of the disk and of Ray into Unfinished: the same command continues the work. Raises
    UsageError while another launch holds the lock.
    """
    from scaling.storage.lock import locked

    with locked(root) as lock:
        try:
            yield lock
            lock.check()
        except UsageError:
            raise
        except OSError as error:
            raise Unfinished(
                f"{error}. Nothing finished is lost; fix this, then type: {command()}"
            ) from error
        except Exception as error:
            if not type(error).__module__.startswith(("ray.", "grpc")):
                raise
            reason = " ".join(str(error).split())[:LONGEST_ERROR]
            raise Unfinished(
                f"Ray has failed: {reason or type(error).__name__}. Nothing finished is lost, and "
                f"Ray's log is under {root}; continue with: {command()}"
            ) from error


def typed() -> tuple[list[str], list[str]]:
    """Splits this process's command line into the words that name the program and its options."""
    first, *words = sys.argv
    if not (Path(first).stem == COMMAND or Path(first).parts[-2:] == ("scaling", "__main__.py")):
        return ["python", first], words
    named = 2 if words[:1] == ["study"] else 1
    return [COMMAND, *words[:named]], words[named:]


def program() -> str | None:
    """Returns the program's name for the usage line of `--help`; None: the name of its file."""
    named, _ = typed()
    return shlex.join(named) if named[0] == COMMAND else None


def command() -> str:
    """Returns the command line of this process, ready to be typed again."""
    named, options = typed()
    return shlex.join([*named, *options])


def _interrupt(number: int, frame: object) -> None:
    """Stops the process at the first signal; later ones are ignored while open files are closed."""
    if Interrupted.received is None:
        Interrupted.received = number
        raise Interrupted
