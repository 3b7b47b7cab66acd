"""Is there a double descent along Figure 8's path: down, up and down again, beyond the noise?

y[s, p] is the negative test ELBO (nats per image) of seed s at point p of the path. Among all
0 < i < j < k the first minimum i, the peak j and the second minimum k maximize the smaller of
y_j - y_i and y_j - y_k: how far the peak stands out on both sides. (Their sum would do the same
for a clear peak, but takes a steep fall without any rise for one.) Picked and measured on the
same numbers these moves would be too large even if nothing moved, so they are cross-fitted: for
each seed i, j, k are picked on the mean of the other seeds, and the moves are measured on the
seed that was left out. Their sizes over seeds give a t interval, widened for what the picks
share. The claim needs all three moves, so no correction for three tests is due.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import curves
from analysis.intervals import FEW_SEEDS, Interval, residual_bootstrap, t_interval
from analysis.trial_folder import ResultsError

MOVES = ("first descent", "rise", "second descent")  # of positive size in a double descent
FEW_POINTS = 4  # start, first minimum, peak, second minimum
Place = tuple[int, int]  # (m_z, n_c)


@dataclass(frozen=True)
class Move:
    """A difference in nats per image: cross-fitted, and with noise pooled over the path."""

    name: str
    crossfit: Interval
    pooled: Interval


@dataclass(frozen=True)
class Change:
    """A paired difference last - first between two fixed points, over seeds."""

    start: Place
    end: Place
    first: Interval
    last: Interval
    difference: Interval
    monotone: bool  # the means between start and end never turn


@dataclass(frozen=True)
class Verdict:
    """What the seeds say about double descent along the path of one source."""

    source: str
    seeds: list[int]  # measured at each point
    missing: list[str]  # "(m_z=4, n_c=32): seed 2"
    points: int
    first_minimum: Place
    peak: Place
    second_minimum: Place
    moves: list[Move]  # in the order of MOVES
    lower: Move  # first minimum - second minimum: positive where the second is lower
    phase3: Change | None  # negative test ELBO; None where the path has no phase 3
    gaps: dict[str, Change]  # source -> generalization gap at the corner, smallest to largest m_z

    @property
    def undecided(self) -> bool:
        return len(self.seeds) < FEW_SEEDS

    @property
    def shaped(self) -> bool:
        """The mean over all seeds goes down, up and down again, beyond the noise or not."""
        return all(move.pooled.mean > 0 for move in self.moves)

    @property
    def holds(self) -> bool:
        """All three moves are significant."""
        return not self.weak

    @property
    def weak(self) -> list[str]:
        """The moves that are not shown."""
        return [move.name for move in self.moves if move.crossfit.sign <= 0]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence that claims no more than the moves show."""
        n = len(self.seeds)
        seeds = f"{n} seed{'s' if n != 1 else ''}"
        start = f"Double descent along the path ({self.source}, {seeds}, {self.points} points): "
        if self.undecided:
            return start + f"not decided, {seeds} cannot tell it from noise (it takes {FEW_SEEDS})."
        if self.holds:
            return start + "holds, all three moves are significant."
        weak = f"the {' and the '.join(self.weak)} {'is' if len(self.weak) == 1 else 'are'}"
        return start + f"not shown, {weak} not significant."


def verdict(frame: pd.DataFrame, source: str | None = None) -> Verdict:
    """The verdict on the finished trials of a frame; only seeds measured at each point count.

    Of normal training, or of the first other source there is.

    Points at which no seed is measured are left out. Raises ResultsError where there is no path,
    no complete seed, or fewer than four points.
    """
    finals = curves.final(frame)
    source = source or curves.sources(frame)[0]
    steps = curves.path(frame, source)
    lacking = curves.missing(frame, finals, steps, source, "test_elbo")
    y = -curves.along(finals, steps, source, "test_elbo").dropna(axis=1, how="all")
    y = y.dropna(axis=0)
    if not len(y) or y.shape[1] < FEW_POINTS:
        raise ResultsError(
            f"No verdict: {len(y)} seeds of {source} are finished at all of {y.shape[1]} points, "
            f"and it takes 1 and {FEW_POINTS}. Run the study again: it continues where it stopped."
        )
    i, j, k = locate(y.to_numpy().mean(axis=0))
    *moves, lower = _moves(y.to_numpy())
    return Verdict(
        source=source,
        seeds=[int(seed) for seed in y.index],
        missing=lacking,
        points=y.shape[1],
        first_minimum=_place(y, i),
        peak=_place(y, j),
        second_minimum=_place(y, k),
        moves=moves,
        lower=lower,
        phase3=_phase3(y, steps),
        gaps=_gaps(finals, steps),
    )


def locate(y: np.ndarray) -> np.ndarray:
    """Indices (i, j, k) over the last axis, (..., points) -> (..., 3); the first of equals."""
    points = y.shape[-1]
    before = np.minimum.accumulate(y[..., 1:-2], axis=-1)
    after = np.minimum.accumulate(y[..., :2:-1], axis=-1)[..., ::-1]
    stands_out = y[..., 2:-1] - np.maximum(before, after)
    j = np.argmax(stands_out, axis=-1)[..., None] + 2
    index = np.arange(points)
    i = np.where((index >= 1) & (index < j), y, np.inf).argmin(axis=-1)
    k = np.where(index > j, y, np.inf).argmin(axis=-1)
    return np.stack([i, j[..., 0], k], axis=-1)


def sizes(y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """First descent, rise, second descent and first minus second minimum at (i, j, k): (..., 4)."""
    i, j, k = np.moveaxis(np.take_along_axis(y, at, axis=-1), -1, 0)
    return np.stack([y[..., 0] - i, j - i, j - k, i - k], axis=-1)


def crossfit(y: np.ndarray) -> np.ndarray:
    """(..., seeds, points) -> (..., seeds, 4): each seed's sizes where the other seeds point.

    A single seed has no others: it points to its own, too favourable, places.
    """
    n = y.shape[-2]
    others = (y.sum(axis=-2, keepdims=True) - y) / (n - 1) if n > 1 else y
    return sizes(y, locate(others))


def _moves(y: np.ndarray) -> list[Move]:
    n, cross, mean = len(y), crossfit(y), y.mean(axis=0)
    at_all_seeds, half = sizes(mean, locate(mean)), residual_bootstrap(y)
    method = "residual bootstrap of point + seed, all pairs of points at once"
    return [
        Move(
            name,
            t_interval(cross[:, at], shared_selection=True),
            Interval(float(size), float(size - half), float(size + half), n, method),
        )
        for at, (name, size) in enumerate(zip((*MOVES, "lower"), at_all_seeds, strict=True))
    ]


def _phase3(y: pd.DataFrame, steps: pd.DataFrame) -> Change | None:
    """From the end of phase 2 to the path's last point; nothing is picked: a plain t interval."""
    phase = steps.loc[steps["phase"] == 3, ["m_z", "n_c"]].itertuples(index=False, name=None)
    turn = steps.loc[steps["phase"] == 2, ["m_z", "n_c"]].iloc[-1]
    places = [place for place in [tuple(turn), *phase] if place in y.columns]
    return _change(y[places]) if len(places) > 1 else None


def _gaps(finals: pd.DataFrame, steps: pd.DataFrame) -> dict[str, Change]:
    """Per source: the generalization gap at the corner's n_c, smallest against largest m_z."""
    turn = steps[steps["n_c"] == steps.loc[steps["phase"] == 2, "n_c"].iloc[0]]
    ends = turn.iloc[[0, -1]]
    if "generalization_gap" not in finals:
        return {}
    wide = {s: curves.along(finals, ends, s, "generalization_gap") for s in curves.sources(finals)}
    both = {source: values.dropna() for source, values in wide.items()}
    return {source: _change(values) for source, values in both.items() if len(values)}


def _change(values: pd.DataFrame) -> Change:
    first, last = values.iloc[:, 0], values.iloc[:, -1]
    steps = np.diff(values.mean(axis=0))
    return Change(
        _place(values, 0),
        _place(values, -1),
        t_interval(first),
        t_interval(last),
        t_interval(last - first),
        bool((steps <= 0).all() or (steps >= 0).all()),
    )


def _place(values: pd.DataFrame, at: int) -> Place:
    m_z, n_c = values.columns.to_frame().iloc[at]
    return int(m_z), int(n_c)
