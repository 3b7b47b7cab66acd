"""How a command ends: exit codes, errors as sentences, Ctrl-C and SIGTERM."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Never

from scaling.errors import COMMAND, Unfinished, UsageError

if TYPE_CHECKING:
    from scaling.storage.lock import Lock

DONE, USAGE, FAILED, CAPPED = 0, 2, 3, 4


class Interrupted(KeyboardInterrupt):
    """SIGTERM, treated as Ctrl-C; Ray may turn it into a plain KeyboardInterrupt on its way."""

    received = False


def guarded(work: Callable[[], int]) -> Never:
    """Ends the process with the exit code of the work; errors become sentences."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(work())
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(FAILED if isinstance(error, Unfinished) else USAGE)
    except OSError as error:
        print(f"Error: {error}. Mend that, then: {command()}", file=sys.stderr)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        print(f"\nStopped; nothing is lost. Go on with: {command()}", file=sys.stderr)
        sys.stderr.flush()
        sys.exit(143 if Interrupted.received else 130)


@contextmanager
def at_work(root: Path) -> Iterator["Lock"]:
    """Holds the lock of the results folder; a disk that fails inside leaves the work unfinished."""
    from scaling.storage.lock import locked

    with locked(root) as lock:
        try:
            yield lock
            lock.check()
        except OSError as error:
            raise Unfinished(
                f"{error}. Nothing finished is lost; mend that, then: {command()}"
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
    Interrupted.received = True
    raise Interrupted
