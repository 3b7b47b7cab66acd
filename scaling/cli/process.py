"""How a command ends: exit codes, errors as sentences, Ctrl-C and SIGTERM."""

import shlex
import signal
import sys
from collections.abc import Callable
from typing import Never

from scaling.errors import UsageError

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
        sys.exit(USAGE)
    except OSError as error:
        print(
            f"Error: {error}. Nothing finished is lost; mend that, then: {command()}",
            file=sys.stderr,
        )
        sys.exit(FAILED)
    except KeyboardInterrupt:
        print(f"\nStopped; nothing is lost. Go on with: {command()}", file=sys.stderr)
        sys.stderr.flush()
        sys.exit(143 if Interrupted.received else 130)


def command() -> str:
    """The command line of this process, to be typed again."""
    return shlex.join(["python", *sys.argv])


def _interrupt(number: int, frame: object) -> None:
    Interrupted.received = True
    raise Interrupted
