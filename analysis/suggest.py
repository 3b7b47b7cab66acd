"""Which known name a wrong one was meant to be; `scaling.errors` has the same for its own."""

from collections.abc import Iterable
from difflib import SequenceMatcher

NEAR = 0.6  # from this likeness on (of at most 1) a name is suggested
SWAPPED = 0.9  # the likeness, at least, of names with the same letters in another order
MOST = 3  # so many names are suggested at most


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
