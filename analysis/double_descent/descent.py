"""Tests for double descent along Figure 8's path: down, up and down again, beyond the noise.

y[s, p] is the negative test ELBO (nats per image) of draw s (a replicate, or a seed if there is
only one data set: `analysis.statistics.levels`) at point p of the path. Among all 0 < i < j < k the
first minimum i, the peak j and the second minimum k maximize the smaller of y_j - y_i and y_j -
y_k, the height of the peak above the higher of its two minima. (The sum of both would find a clear
peak too, but also mistakes a steep fall without any rise for a peak.) If the moves were located and
measured on the same numbers they would be too large even without any double descent, so they are
cross-fitted: for each draw, i, j and k are located on the mean of the other draws, and the moves
are measured on the draw that was left out. Their sizes over draws give a t interval, widened for
the draws that the locations share and for the images that random splits share. The claim needs all
three moves, so it needs no correction for three tests; the opposite, that at least one of the three
is untrue, is tested three times and is corrected. It is a primary claim, which is decided at
planned sizes only (`analysis.statistics.planned`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import curves
from analysis.double_descent import changes, paths
from analysis.double_descent.changes import Change, place_of
from analysis.double_descent.paths import Place
from analysis.errors import ResultsError
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS, Interval, residual_bootstrap, t_interval
from analysis.statistics.planned import HOLDS, Decision, PValues, decide

MOVES = ("first descent", "rise", "second descent")  # of positive size in a double descent
FEW_POINTS = 4  # start, first minimum, peak, second minimum


@dataclass(frozen=True)
class Move:
    """Holds a difference in nats per image: cross-fitted, and with noise pooled over the path."""

    name: str
    crossfit: Interval
    pooled: Interval


@dataclass(frozen=True)
class Verdict:
    """Holds what the draws show about double descent along the path of one source."""

    source: str
    epochs: str  # curves.LAST or curves.BEST: where in training the ELBOs are taken
    level: str  # what n counts
    units: list[int]  # seeds or replicates that are measured at each point
    missing: list[str]  # "(m_z=4, n_c=32): seed 2"
    left_out: list[Place]  # measured by fewer units than the path
    path: list[tuple[int, int, int]]  # phase, m_z and n_c of the points in order
    points: int
    first_minimum: Place
    peak: Place
    second_minimum: Place
    moves: list[Move]  # in the order of MOVES
    lower: Move  # first minimum - second minimum: positive where the second is lower
    spread: str  # variance components of the moves, "" if each draw has one seed
    phase3: Change | None  # negative test ELBO; None where the path has no phase 3
    gaps: dict[str, Change]  # source -> generalization gap at the corner, smallest to largest m_z
    decision: Decision

    @property
    def counted(self) -> str:
        """Returns n and what it counts, in words."""
        return levels.counted(len(self.units), self.level)

    @property
    def shaped(self) -> bool:
        """Returns whether the mean over all draws goes down, up and down again, in any size."""
        return all(move.pooled.mean > 0 for move in self.moves)

    @property
    def weak(self) -> list[str]:
        """Returns the moves whose 95 % intervals over all draws reach down to 0."""
        return [move.name for move in self.moves if move.crossfit.sign <= 0]

    @property
    def survives(self) -> bool:
        """Returns whether rise and second descent are significant by their 95 % intervals."""
        return not set(self.weak) & set(MOVES[1:])

    @property
    def sentence(self) -> str:
        """States the verdict in one sentence that claims no more than the moves show."""
        start = (
            f"Double descent along the path ({self.source}, {self.counted}, {self.points} points): "
        )
        decided = f"{start}{self.decision.verdict}, {self.decision.text}"
        if self.decision.verdict == HOLDS:
            return f"{decided}: all three moves."
        if len(self.units) < FEW_SEEDS or not self.weak:
            return f"{decided}."
        return f"{decided}; {not_significant(self.weak)} (95 %)."


def not_significant(names: Sequence[str]) -> str:
    """Says of one or more moves that they are not significant."""
    *others, last = (f"the {name}" for name in names)
    weak = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return f"{weak} not significant"


def verdict(frame: pd.DataFrame, source: str | None = None, epochs: str = curves.LAST) -> Verdict:
    """Returns the verdict on a frame's finished trials, along the path that most draws complete.

    The default source is normal training, or the first other one without it; `epochs` is
    curves.LAST or curves.BEST. Points that fewer draws have are left out. Raises ResultsError if
    there is no path, no complete draw, or fewer than four points.
    """
    finals = curves.final(frame, epochs=epochs, settled=False)
    source = source or curves.lead(frame)
    planned = paths.path(frame, source)
    lacking = paths.missing(frame, finals, planned, source, "test_elbo")
    steps, elbo = paths.complete(finals, source, "test_elbo", FEW_POINTS)
    if not len(y := -elbo):
        raise ResultsError(
            f"No verdict: no draw of {source} is finished at {FEW_POINTS} points of the path or "
            "more, its turns among them. Run the study again: it continues where it stopped."
        )
    rows = levels.settle(finals[finals["source"] == source])
    wide, overlap = paths.along(finals, planned, source, "test_elbo"), levels.overlap_at(rows)
    i, j, k = locate(y.to_numpy().mean(axis=0))
    *moves, lower = _moves(y.to_numpy(), overlap)
    return Verdict(
        source=source,
        epochs=epochs,
        level=levels.level_of(rows),
        units=[int(unit) for unit in y.index],
        missing=lacking,
        left_out=[(int(m_z), int(n_c)) for m_z, n_c in levels.leftout(wide, y)],
        path=list(steps.astype(int).itertuples(index=False, name=None)),
        points=y.shape[1],
        first_minimum=place_of(y, i),
        peak=place_of(y, j),
        second_minimum=place_of(y, k),
        moves=moves,
        lower=lower,
        spread=_spread(rows, [place_of(y, 0), place_of(y, i), place_of(y, j), place_of(y, k)]),
        phase3=changes.phase3(y, steps, overlap),
        gaps=changes.gaps(finals, steps),
        decision=decide(set(rows["unit"]), lambda n: _look(rows, source, n)),
    )


def _look(finals: pd.DataFrame, source: str, n: int) -> PValues | None:
    """Returns the p-values of the first n draws alone, None if one of them lacks the path."""
    first = finals[finals["unit"] < n]
    _, y = paths.complete(first, source, "test_elbo", FEW_POINTS)
    if len(y) < n:
        return None
    return p_values(-y.to_numpy(), levels.overlap_at(first))


def p_values(y: np.ndarray, overlap: float = 0.0) -> PValues:
    """Returns the p-values of the claim that all three moves are positive.

    `y` is (draws, points) of negative ELBOs; `overlap` as in `intervals.t_half_width`.
    """
    cross = crossfit(y)
    moves = [t_interval(cross[:, index], True, overlap) for index in range(len(MOVES))]
    down = min(move.below(0.0) for move in moves)
    return PValues(2 * max(move.above(0.0) for move in moves), min(1.0, 2 * len(MOVES) * down))


def _spread(finals: pd.DataFrame, points: list[Place]) -> str:
    """Describes the variance components of the rise and the second descent between fixed places."""
    elbo = finals.set_index(["unit", "seed", "m_z", "n_c"])["test_elbo"].unstack(["m_z", "n_c"])
    peak = elbo[points[2]]
    moves = {"rise": elbo[points[1]] - peak, "second descent": elbo[points[3]] - peak}
    texts = {name: levels.components(values).text for name, values in moves.items()}
    return "; ".join(f"{name}: {text}" for name, text in texts.items() if text)


def locate(y: np.ndarray) -> np.ndarray:
    """Locates i, j, k on the last axis: (..., points) -> (..., 3) indices, the first of equals."""
    points = y.shape[-1]
    before = np.minimum.accumulate(y[..., 1:-2], axis=-1)
    after = np.minimum.accumulate(y[..., :2:-1], axis=-1)[..., ::-1]
    stands_out = y[..., 2:-1] - np.maximum(before, after)
    j = np.argmax(stands_out, axis=-1)[..., None] + 2
    index = np.arange(points)
    i = np.where((index >= 1) & (index < j), y, np.inf).argmin(axis=-1)
    k = np.where(index > j, y, np.inf).argmin(axis=-1)
    return np.stack([i, j[..., 0], k], axis=-1)


def sizes(y: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Returns the moves at indices (..., 3) of y (..., points) as (..., 4).

    They are first descent, rise, second descent, and first minus second minimum.
    """
    i, j, k = np.moveaxis(np.take_along_axis(y, indices, axis=-1), -1, 0)
    return np.stack([y[..., 0] - i, j - i, j - k, i - k], axis=-1)


def crossfit(y: np.ndarray) -> np.ndarray:
    """Measures each draw's moves at locations from the others: (..., draws, points) -> (..., 4).

    The result is (..., draws, 4), in the order of `sizes`. A single draw is located on itself,
    which makes its moves too large.
    """
    n = y.shape[-2]
    others = (y.sum(axis=-2, keepdims=True) - y) / (n - 1) if n > 1 else y
    return sizes(y, locate(others))


def _moves(y: np.ndarray, overlap: float) -> list[Move]:
    n, cross, mean = len(y), crossfit(y), y.mean(axis=0)
    at_all_seeds = sizes(mean, locate(mean))
    half = residual_bootstrap(y) * np.sqrt(1 + n * overlap)  # the variance is s^2 (1/n + overlap)
    method = "residual bootstrap of point + draw, all pairs of points at once"
    return [
        Move(
            name,
            t_interval(cross[:, index], True, overlap),
            Interval(float(size), float(size - half), float(size + half), n, method),
        )
        for index, (name, size) in enumerate(zip((*MOVES, "lower"), at_all_seeds, strict=True))
    ]
