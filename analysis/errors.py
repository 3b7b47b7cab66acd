"""Defines errors that say what to type next, with known names for a mistyped one.

`scaling.errors` does the same for its own names.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

NEAR = 0.6  # smallest likeness (of at most 1) of a suggested name
SWAPPED = 0.9  # least likeness of names with the same letters in another order
MOST = 3  # largest number of suggestions


class ResultsError(Exception):
    """Says in one sentence what is wrong with the results, and in another what to type next."""


class NewerFormat(ResultsError):
    """Reports a file that a newer version of this project, or another program, wrote."""


def did_you_mean(wrong: str, names: Iterable[str]) -> str:
    """Returns "Did you mean 'm_z'? ", the nearest names first, or "" if none is near."""
    scored = sorted((-_likeness(wrong, name), name != wrong, name) for name in set(names))
    near = [repr(name) for score, _, name in scored[:MOST] if -score >= NEAR]
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _likeness(wrong: str, name: str) -> float:
    """Returns the likeness from 0 to 1, without case; swapped letters or initials are near."""
    a, b = wrong.lower().lstrip("-"), name.lower().lstrip("-")
    initials = "".join(word[0] for word in a.split("_") if word)
    if initials == b and len(b) > 1:  # lr for learning_rate
        return SWAPPED
    likeness = SequenceMatcher(None, a, b, autojunk=False).ratio()
    return max(likeness, SWAPPED) if sorted(a) == sorted(b) else likeness
