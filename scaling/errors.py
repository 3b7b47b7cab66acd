"""Errors that are sentences: what is wrong, and what to type next."""

import shlex
from collections.abc import Iterable
from difflib import SequenceMatcher

NEAR = 0.6  # from this likeness on (of at most 1) a name is suggested
SWAPPED = 0.9  # the likeness, at least, of names with the same letters in another order
MOST = 3  # so many names are suggested at most

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


def did_you_mean(wrong: str, names: Iterable[str]) -> str:
    """Returns "Did you mean 'm_z'? ", the nearest names first, or "" where none is near."""
    scored = sorted((-_likeness(wrong, name), name != wrong, name) for name in set(names))
    near = [repr(name) for score, _, name in scored[:MOST] if -score >= NEAR]
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _likeness(wrong: str, name: str) -> float:
    """From 0 to 1; the case does not matter, and letters in another order count as near."""
    a, b = wrong.lower().lstrip("-"), name.lower().lstrip("-")
    likeness = SequenceMatcher(None, a, b, autojunk=False).ratio()
    return max(likeness, SWAPPED) if sorted(a) == sorted(b) else likeness
