"""UsageError: one sentence of what is wrong, one of what to type next."""

from collections.abc import Iterable


class UsageError(Exception):
    """What is wrong in one sentence and what to type next in another; exit code 2."""


def known(names: Iterable[str]) -> str:
    """The right names, for the sentence that refuses a wrong one."""
    return ", ".join(sorted(names))
