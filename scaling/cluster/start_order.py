"""In which order trials start: an early stop leaves whole figures, a late start no long tail."""

from collections.abc import Mapping, Sequence

from scaling.trial import Trial, group_name


def start_order(trials: Mapping[str, Trial], hours: Mapping[str, float], width: int) -> list[str]:
    """The keys of `hours`, `width` of which run at a time.

    In the order in which the study lists `trials`, the first seed of all before the second of any;
    but the longest that is left starts as soon as the rest, spread evenly, would end before it.
    """
    left = by_seeds([key for key in trials if key in hours], trials)[::-1]  # the next stands last
    by_length = sorted(left, key=lambda key: hours[key])
    total = sum(hours.values())
    ordered: dict[str, None] = {}
    while left:
        longest = by_length[-1]
        chosen = longest if hours[longest] * width >= total else left[-1]
        total -= hours[chosen]
        ordered[chosen] = None
        for stack in (left, by_length):
            while stack and stack[-1] in ordered:
                stack.pop()
    return list(ordered)


def by_seeds(keys: Sequence[str], trials: Mapping[str, Trial]) -> list[str]:
    """The first of the keys that differ in the seed only, in order; then the second of each."""
    rounds: dict[str, int] = {}
    turn = {}
    for key in keys:
        name = group_name(trials[key])
        turn[key] = rounds[name] = rounds.get(name, -1) + 1
    return sorted(keys, key=lambda key: turn[key])
