"""Defines errors whose message says what is wrong and what to type next."""

import shlex
from collections.abc import Iterable
from difflib import SequenceMatcher

NEAR = 0.6  # smallest likeness, at most 1, of a name that is suggested
SWAPPED = 0.9  # smallest likeness of names with the same letters in another order
MOST = 3  # largest number of suggested names

COMMAND = "scaling-vae"  # name of the installed command


class UsageError(Exception):
    """Reports wrong usage or a wrong environment; the command ends with exit code 2."""


class Unfinished(UsageError):
    """Reports that some work failed after it began; other results are kept, exit code 3."""


def to_type(*words: object) -> str:
    """Returns this project's command with these words, quoted for a shell."""
    return shlex.join([COMMAND, *map(str, words)])


def listed(names: Iterable[str]) -> str:
    """Returns the names in alphabetical order, separated by commas."""
    return ", ".join(sorted(names))


def did_you_mean(wrong: str, names: Iterable[str]) -> str:
    """Returns "Did you mean 'm_z'? ", the most similar names first, or "" if none is similar."""
    scored = sorted((-_likeness(wrong, name), name != wrong, name) for name in set(names))
    near = [repr(name) for score, _, name in scored[:MOST] if -score >= NEAR]
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _likeness(wrong: str, name: str) -> float:
    """Returns the similarity from 0 to 1, without case; reordered letters count as similar.

    So do the initials of a name's words.
    """
    a, b = wrong.lower().lstrip("-"), name.lower().lstrip("-")
    initials = "".join(word[0] for word in a.split("_") if word)
    if initials == b and len(b) > 1:  # lr for learning_rate
        return SWAPPED
    likeness = SequenceMatcher(None, a, b, autojunk=False).ratio()
    return max(likeness, SWAPPED) if sorted(a) == sorted(b) else likeness
