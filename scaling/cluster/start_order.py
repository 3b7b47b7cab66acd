"""Orders the start of trials: an early stop leaves whole figures, the end has no long tail."""

from collections.abc import Mapping, Sequence

from scaling.trial import Trial, group_name


def start_order(trials: Mapping[str, Trial], hours: Mapping[str, float], width: int) -> list[str]:
    """Returns the keys of `hours` in the order in which to start them, `width` at a time.

    Trials start in the order of the study's `trials`, the first seed of each before the second of
    any. But the longest remaining trial starts as soon as all others, spread evenly over the
    workers, would end before it.
    """
    left = by_seeds([key for key in trials if key in hours], trials)[::-1]  # the next one is last
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
    """Sorts keys so that the first seed of each configuration precedes the second of any."""
    rounds: dict[str, int] = {}
    turn = {}
    for key in keys:
        name = group_name(trials[key])
        turn[key] = rounds[name] = rounds.get(name, -1) + 1
    return sorted(keys, key=lambda key: turn[key])
