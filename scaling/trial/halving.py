"""Implements successive halving: all points are trained briefly, and only the best ones longer.

The method is that of Jamieson and Talwalkar (2016), with training epochs as the budget. The score
of a point is the mean validation ELBO of its trials; the test set is never read. A longer run
continues a shorter one, and the scores alone decide which points continue. So a search that was
killed, or that gets more samples, continues from the existing results.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scaling.errors import UsageError

LOST = -math.inf  # the score of a point with a failed trial
CellPoint = tuple[int, int]  # cell, point
Score = Callable[[int, int, int], float | None]  # cell, point, epochs; None: not measured yet


@dataclass(frozen=True)
class Rung:
    """Describes one stage of the search: the number of points per cell and their epochs."""

    epochs: int
    points: int


@dataclass(frozen=True)
class Climb:
    """Records how far each point must be trained, as far as the known scores decide it."""

    epochs: dict[CellPoint, int]
    scores: dict[CellPoint, dict[int, float]]  # by epochs
    chosen: dict[int, int] = field(default_factory=dict)  # cell -> point, once all is measured


def rungs(epochs: int, measure_every: int, samples: int, factor: int) -> tuple[Rung, ...]:
    """Returns the rungs of a search: rung j trains samples / factor^j points.

    The last rung trains for `epochs`, the one before for epochs / factor, and so on, each rounded
    up to the next measured epoch; rungs with the same number of epochs are merged. With `factor`
    0 there is one rung with all points. Raises UsageError for other factors below 2.
    """
    if not factor:
        return (Rung(epochs, samples),)
    if factor < 2:
        raise UsageError(
            f"--halving {factor} is less than 2. Give a larger one, as in --halving 3."
        )
    steps = 0
    while factor ** (steps + 1) <= samples:
        steps += 1
    shares = (epochs / factor**step for step in range(steps, -1, -1))
    ends = sorted({min(epochs, math.ceil(e / measure_every) * measure_every) for e in shares})
    return tuple(Rung(end, max(1, samples // factor**index)) for index, end in enumerate(ends))


def climb(
    places: Sequence[CellPoint], ladder: Sequence[Rung], score: Score, jointly: bool
) -> Climb:
    """Decides which points reach which rung: those with the best scores in each cell.

    With `jointly`, the mean over all cells is compared, and all cells train the same points. Of
    two equal scores the earlier point wins; a point with the score LOST never continues. If a
    remaining point has no score yet, nothing above its rung is decided.
    """
    cells = sorted({cell for cell, _ in places})
    groups = [tuple(cells)] if jointly else [(cell,) for cell in cells]
    result = Climb({}, {place: {} for place in places})
    for group in groups:
        tried = sorted({point for cell, point in places if cell in group})
        _climb_group(group, tried, ladder, score, result)
    return result


def _climb_group(
    group: Sequence[int], tried: list[int], ladder: Sequence[Rung], score: Score, result: Climb
) -> None:
    remaining = tried
    for index, rung in enumerate(ladder):
        result.epochs.update({(cell, point): rung.epochs for cell in group for point in remaining})
        measured = {p: _mean(group, p, rung.epochs, score, result) for p in remaining}
        if any(value is None for value in measured.values()):
            return
        ranked = ranking({point: value for point, value in measured.items() if value is not None})
        if not ranked:
            return
        if index + 1 == len(ladder):
            result.chosen.update(dict.fromkeys(group, ranked[0]))
            return
        remaining = sorted(ranked[: ladder[index + 1].points])


def ranking(scores: Mapping[int, float]) -> list[int]:
    """Returns the points from best to worst without lost ones; of equals, the earlier is first."""
    return sorted((p for p in scores if scores[p] > LOST), key=lambda p: (-scores[p], p))


def _mean(
    group: Sequence[int], point: int, epochs: int, score: Score, result: Climb
) -> float | None:
    """Returns the mean score over the group's cells, or None if one of them is not measured yet.

    Stores each cell's score in `result`.
    """
    scores = {cell: score(cell, point, epochs) for cell in group}
    for cell, value in scores.items():
        if value is not None:
            result.scores[cell, point][epochs] = value
    measured = [value for value in scores.values() if value is not None]
    return sum(measured) / len(measured) if len(measured) == len(group) else None
