"""Errors that are sentences: what is wrong, and what to type next."""

import shlex
from collections.abc import Iterable

COMMAND = "scaling-vae"  # as installed


class UsageError(Exception):
    """Wrong usage or environment; the command ends with exit code 2."""


class Unfinished(UsageError):
    """Some of the work failed after it had begun, and all else is kept; exit code 3."""


def to_type(*words: object) -> str:
    """Returns this project's command with these words, quoted for a shell."""
    return shlex.join([COMMAND, *map(str, words)])


def listed(names: Iterable[str]) -> str:
    """The right names, for the sentence that refuses a wrong one."""
    return ", ".join(sorted(names))
