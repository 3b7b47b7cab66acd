"""How a command ends: exit codes, errors as sentences, Ctrl-C, SIGTERM and SIGHUP."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Never

from analysis import streams
from scaling.cli.supervised import stopping, supervised
from scaling.cluster import exit_code
from scaling.errors import COMMAND, Unfinished, UsageError

if TYPE_CHECKING:
    from scaling.storage.lock import Lock

DONE, CRASHED, USAGE, FAILED, CAPPED = 0, 1, 2, 3, 4
TOLD = 300  # characters of an error of Ray's


class Interrupted(KeyboardInterrupt):
    """A signal that stops, treated as Ctrl-C; Ray may turn it into a plain KeyboardInterrupt."""

    received: int | None = None


def ended(work: Callable[[], int]) -> Never:
    """Runs a command: under supervision, with streams that survive, errors as sentences."""
    supervised(lambda: guarded(work), command)


def guarded(work: Callable[[], int]) -> Never:
    """Ends the process with the exit code of the work; errors become sentences."""
    for number in stopping():
        signal.signal(number, _interrupt)
    code = _told(work)
    if fault := streams.lost():
        print(f"Error: {fault}. Mend that, then: {command()}", file=sys.stderr)
        code = code or FAILED
    exit_code.leave(code)
    sys.exit(code)


def _told(work: Callable[[], int]) -> int:
    """The exit code of the work, after the sentence of what went wrong."""
    try:
        return work()
    except SystemExit as stop:  # of argparse, after --help
        return stop.code if isinstance(stop.code, int) else DONE
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED if isinstance(error, Unfinished) else USAGE
    except OSError as error:
        print(f"Error: {error}. Mend that, then: {command()}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"\nStopped; nothing is lost. Go on with: {command()}", file=sys.stderr, flush=True)
        return 128 + (Interrupted.received or signal.SIGINT)
    except BaseException:
        exit_code.leave(CRASHED)  # the traceback tells
        raise


@contextmanager
def at_work(root: Path) -> Iterator["Lock"]:
    """Holds the lock of the results folder; a disk that fails inside leaves the work unfinished."""
    from scaling.storage.lock import locked

    with locked(root) as lock:
        try:
            yield lock
            lock.check()
        except UsageError:
            raise
        except OSError as error:
            raise Unfinished(
                f"{error}. Nothing finished is lost; mend that, then: {command()}"
            ) from error
        except Exception as error:
            if not type(error).__module__.startswith(("ray.", "grpc")):
                raise
            told = " ".join(str(error).split())[:TOLD]
            raise Unfinished(
                f"Ray has failed: {told or type(error).__name__}. Nothing finished is lost, and "
                f"Ray's log lies under {root}; go on with: {command()}"
            ) from error


def typed() -> tuple[list[str], list[str]]:
    """Splits the command line of this process into what names the program and its options."""
    first, *words = sys.argv
    if not (Path(first).stem == COMMAND or Path(first).parts[-2:] == ("scaling", "__main__.py")):
        return ["python", first], words
    named = 2 if words[:1] == ["study"] else 1
    return [COMMAND, *words[:named]], words[named:]


def program() -> str | None:
    """Returns what the usage line of `--help` calls the program; None: the name of its file."""
    named, _ = typed()
    return shlex.join(named) if named[0] == COMMAND else None


def command() -> str:
    """Returns the command line of this process, to be typed again."""
    named, options = typed()
    return shlex.join([*named, *options])


def _interrupt(number: int, frame: object) -> None:
    """The first signal stops; those that follow change nothing, while what is open is closed."""
    if Interrupted.received is None:
        Interrupted.received = number
        raise Interrupted
