"""Errors that are sentences: what is wrong, and what to type next."""

from collections.abc import Iterable


class UsageError(Exception):
    """Wrong usage or environment; the command ends with exit code 2."""


class Unfinished(UsageError):
    """Some of the work failed after it had begun, and all else is kept; exit code 3."""


def listed(names: Iterable[str]) -> str:
    """The right names, for the sentence that refuses a wrong one."""
    return ", ".join(sorted(names))
