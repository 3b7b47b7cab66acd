"""Successive halving over epochs: all points train a little, the best of them longer.

Jamieson and Talwalkar (2016), with training epochs as the budget. A point's score is the mean of
its trials' validation ELBO; the test set is never read. A longer run continues a shorter one, and
which points go on follows from the scores alone: so a search that was killed, or that gets more
samples, goes on from what is there.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scaling.errors import UsageError

LOST = -math.inf  # the score of a point of which a trial failed
Place = tuple[int, int]  # cell, point
Score = Callable[[int, int, int], float | None]  # cell, point, epochs; None: not measured yet


@dataclass(frozen=True)
class Rung:
    """How many points of a cell are trained for how many epochs."""

    epochs: int
    points: int


@dataclass(frozen=True)
class Climb:
    """How far each point has to be trained, as far as the scores so far decide that."""

    epochs: dict[Place, int]
    scores: dict[Place, dict[int, float]]  # by epochs
    chosen: dict[int, int] = field(default_factory=dict)  # cell -> point, once all is measured


def rungs(epochs: int, measure_every: int, samples: int, factor: int) -> tuple[Rung, ...]:
    """The rungs of a search, `factor` 0 for none: rung j trains samples / factor^j points.

    The last rung is of `epochs`, the one before of a `factor`-th of them, and so on, up to the next
    epoch that is measured anyway; rungs that fall on the same epoch are one.
    """
    if not factor:
        return (Rung(epochs, samples),)
    if factor < 2:
        raise UsageError(f"--halving {factor}: at least 2 is needed, as in --halving 3.")
    steps = 0
    while factor ** (steps + 1) <= samples:
        steps += 1
    shares = (epochs / factor**step for step in range(steps, -1, -1))
    ends = sorted({min(epochs, math.ceil(e / measure_every) * measure_every) for e in shares})
    return tuple(Rung(end, max(1, samples // factor**at)) for at, end in enumerate(ends))


def climb(places: Sequence[Place], ladder: Sequence[Rung], score: Score, jointly: bool) -> Climb:
    """Which points go on to which rung: the best of each cell, or `jointly` of the mean over cells.

    Of equal scores the earlier point goes on; a lost one (LOST) never does. Where a point that is
    still in the running has no score yet, nothing above its rung is decided.
    """
    cells = sorted({cell for cell, _ in places})
    groups = [tuple(cells)] if jointly else [(cell,) for cell in cells]
    found = Climb({}, {place: {} for place in places})
    for group in groups:
        tried = sorted({point for cell, point in places if cell in group})
        _climb_group(group, tried, ladder, score, found)
    return found


def _climb_group(
    group: Sequence[int], tried: list[int], ladder: Sequence[Rung], score: Score, found: Climb
) -> None:
    alive = tried
    for at, rung in enumerate(ladder):
        found.epochs.update({(cell, point): rung.epochs for cell in group for point in alive})
        measured = {p: _mean(group, p, rung.epochs, score, found) for p in alive}
        if any(value is None for value in measured.values()):
            return
        ranked = ranking({point: value for point, value in measured.items() if value is not None})
        if not ranked:
            return
        if at + 1 == len(ladder):
            found.chosen.update(dict.fromkeys(group, ranked[0]))
            return
        alive = sorted(ranked[: ladder[at + 1].points])


def ranking(scores: Mapping[int, float]) -> list[int]:
    """The points from the best to the worst, without lost ones; of equals the earlier first."""
    return sorted((p for p in scores if scores[p] > LOST), key=lambda p: (-scores[p], p))


def _mean(
    group: Sequence[int], point: int, epochs: int, score: Score, found: Climb
) -> float | None:
    """The mean over the group's cells, each kept; None where one of them is not measured yet."""
    each = {cell: score(cell, point, epochs) for cell in group}
    for cell, value in each.items():
        if value is not None:
            found.scores[cell, point][epochs] = value
    known = [value for value in each.values() if value is not None]
    return sum(known) / len(known) if len(known) == len(group) else None
