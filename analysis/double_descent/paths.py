"""Finds the path of Figure 8 in a frame, and the values of draws along it."""

from collections.abc import Hashable

import pandas as pd

from analysis import curves
from analysis.errors import ResultsError
from analysis.retype import retyped
from analysis.statistics import levels

Place = tuple[int, int]  # (m_z, n_c)


def path(frame: pd.DataFrame, source: str = "normal") -> pd.DataFrame:
    """Returns Figure 8's path: a row per point in order, with phase, m_z and n_c.

    Phase 1: n_c up to the corner at the smallest m_z. Phase 2: m_z up at the corner's n_c.
    Phase 3: n_c up from the corner's at the largest m_z. It is inferred from the trials of `source`
    in any state, and always contains its two turns, even without trials there. Raises ResultsError
    if there is no path.
    """
    return path_of(curves.grid(frame, source))


def path_of(points: pd.DataFrame) -> pd.DataFrame:
    """Returns the path, as in `path`, through points (m_z, n_c); ResultsError if there is none."""
    turn, first, last = curves.corner(points), points["m_z"].min(), points["m_z"].max()
    up = [(1, first, n_c) for n_c in curves.row_of(points, first) if n_c < turn] + [
        (1, first, turn)
    ]
    if len(up) < 2:
        raise ResultsError(
            f"There is no path for Figure 8: at m_z={first} it needs two n_c up to {turn}, where "
            f"m_z varies ({curves.extent(points)}). "
            "Run the whole grid: scaling-vae study double_descent."
        )
    turned = {*points.loc[points["n_c"] == turn, "m_z"], last}
    up += [(2, m_z, turn) for m_z in sorted(turned) if m_z > first]
    up += [(3, last, n_c) for n_c in curves.row_of(points, last) if n_c > turn]
    return pd.DataFrame(up, columns=["phase", "m_z", "n_c"]).astype(int)


def measured(finals: pd.DataFrame, source: str, value: str) -> pd.DataFrame:
    """Returns means over seeds at all points (m_z, n_c) of a source: units x points, NaN for gaps.

    Raises ResultsError if the value is not a column.
    """
    if value not in finals:
        raise ResultsError(
            f"{value} is not measured in these results. "
            "Choose results of VAEs: --results results/double_descent."
        )
    rows = levels.settle(finals[finals["source"] == source])
    rows = retyped(rows, int, ["m_z", "n_c"])
    wide = levels.averaged(rows, ["m_z", "n_c"], value).T
    return wide.sort_index().astype(float)


def along(finals: pd.DataFrame, steps: pd.DataFrame, source: str, value: str) -> pd.DataFrame:
    """Returns the values along the path: units x (m_z, n_c) in the path's order, NaN for gaps."""
    places = pd.MultiIndex.from_frame(steps[["m_z", "n_c"]])
    return measured(finals, source, value).reindex(columns=places)


def complete(
    finals: pd.DataFrame, source: str, value: str, few: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the path of as many units as possible, and its values: units x points, no gaps.

    The path consists of the points that all of these units have, includes its turns, and has at
    least `few` points. Points that fewer units have are left out, so that rows of another study
    cost no unit. Without such a path the values have no row.
    """
    wide = measured(finals, source, value)
    table = levels.complete(wide, lambda points: len(_through(points)) >= few)
    steps = _through(list(table.columns) if len(table) else [])
    if table.empty:
        return steps, table
    return steps, table[list(steps[["m_z", "n_c"]].itertuples(index=False, name=None))]


def _through(points: list[Hashable]) -> pd.DataFrame:
    """Returns the path through the points, or no row if one of its turns is missing."""
    try:
        steps = path_of(_points(points))
    except ResultsError:
        return pd.DataFrame(columns=["phase", "m_z", "n_c"])
    through = set(steps[["m_z", "n_c"]].itertuples(index=False, name=None))
    return steps if through <= set(points) else steps.iloc[:0]


def _points(points: list[Hashable]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=["m_z", "n_c"])


def missing(
    frame: pd.DataFrame, finals: pd.DataFrame, steps: pd.DataFrame, source: str, value: str
) -> list[str]:
    """Lists what the path lacks, a text per point, as in "(m_z=4, n_c=32): seed 2".

    `finals` are the frame's final values.
    """
    wide = along(finals, steps, source, value)
    trials = curves.requested(frame)
    unit = levels.unit_of(levels.level_of(levels.settle(finals[finals["source"] == source])))
    requested = trials.loc[trials["source"] == source, unit].dropna().astype(int)
    units = sorted(set(requested) if unit == "replicate" else {*requested} | {*wide.index})
    wide = wide.reindex(index=units)
    texts = []
    for m_z, n_c in steps[["m_z", "n_c"]].itertuples(index=False, name=None):
        lacking = [str(name) for name in units if pd.isna(wide.loc[name, (m_z, n_c)])]
        named = f"all {unit}s" if len(lacking) == len(units) else f"{unit} {', '.join(lacking)}"
        texts += [f"(m_z={m_z}, n_c={n_c}): {named}"] if lacking else []
    return texts
