"""Estimates changes between two fixed points of Figure 8's path.

They are that of the negative test ELBO along phase 3 and of the generalization gap along phase 2.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import curves
from analysis.double_descent import paths
from analysis.double_descent.paths import Place
from analysis.statistics import levels
from analysis.statistics.intervals import Interval, t_interval


@dataclass(frozen=True)
class Change:
    """Holds a paired difference, last minus first, between two fixed points, over draws."""

    start: Place
    end: Place
    first: Interval
    last: Interval
    difference: Interval
    monotone: bool  # the means go in one direction from start to end


def phase3(y: pd.DataFrame, steps: pd.DataFrame, overlap: float) -> Change | None:
    """Returns the change from the end of phase 2 to the path's last point, None without phase 3.

    `y` is (draws, points) of negative test ELBOs in nats per image. Both points are fixed in
    advance, so the interval is a plain t interval.
    """
    phase = steps.loc[steps["phase"] == 3, ["m_z", "n_c"]].itertuples(index=False, name=None)
    turn = steps.loc[steps["phase"] == 2, ["m_z", "n_c"]].iloc[-1]
    places = [place for place in [tuple(turn), *phase] if place in y.columns]
    return _change(y[places], overlap) if len(places) > 1 else None


def gaps(finals: pd.DataFrame, steps: pd.DataFrame) -> dict[str, Change]:
    """Returns each source's change of the generalization gap from the smallest to the largest m_z.

    Gaps (nats per image) are taken at the corner's n_c.
    """
    turn = steps[steps["n_c"] == steps.loc[steps["phase"] == 2, "n_c"].iloc[0]]
    ends = turn.iloc[[0, -1]]
    if "generalization_gap" not in finals:
        return {}
    wide = {s: paths.along(finals, ends, s, "generalization_gap") for s in curves.sources(finals)}
    complete = {source: values.dropna() for source, values in wide.items()}
    return {
        source: _change(values, levels.overlap_at(finals[finals["source"] == source]))
        for source, values in complete.items()
        if len(values)
    }


def _change(values: pd.DataFrame, overlap: float) -> Change:
    first, last = values.iloc[:, 0], values.iloc[:, -1]
    steps = np.diff(values.mean(axis=0))
    return Change(
        place_of(values, 0),
        place_of(values, -1),
        t_interval(first, overlap=overlap),
        t_interval(last, overlap=overlap),
        t_interval(last - first, overlap=overlap),
        bool((steps <= 0).all() or (steps >= 0).all()),
    )


def place_of(values: pd.DataFrame, position: int) -> Place:
    """Returns (m_z, n_c) of the column at this position."""
    m_z, n_c = values.columns.to_frame().iloc[position]
    return int(m_z), int(n_c)
