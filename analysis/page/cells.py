"""Makes a page's heat map: each column over (m_z, n_c), with a cell's mean and interval."""

import math
from typing import Any, TypedDict

import pandas as pd

from analysis import curves
from analysis.columns import ROW_COLUMNS
from analysis.page.lines import groups, order
from analysis.statistics.intervals import t_interval
from analysis.statistics.measured import are_measured_alike
from analysis.statistics.overlap import overlaps

HIDDEN = {"epoch", "d_z"}
FIRST = ("test_elbo", "generalization_gap", "validation_elbo", "train_elbo", "parameters")
DIGITS = 6  # significant digits that a page keeps
STEPS = 9  # number of shades


class HeatColumn(TypedDict):
    """Describes a column that the map can show."""

    name: str
    unit: str
    about: str


Values = dict[str, list[list[Any]]]  # by line: [m_z, n_c, mean, low, high, n] of each cell


class Heat(TypedDict, total=False):
    """Holds what the map shows; {} if there is nothing to show."""

    columns: list[HeatColumn]
    lines: list[str]
    m_z: list[int]
    n_c: list[int]
    chosen_by: str  # the column that chooses the best epoch
    values: dict[str, dict[str, Values]]  # by moment and column


class HeatCell(TypedDict):
    """Holds a cell of a table: its text, its description, and its shade from 0 to STEPS - 1."""

    text: str
    words: str
    shade: int


class HeatTable(TypedDict):
    """Holds a table: its line, and a row of cells over n_c for each m_z, None where none ran."""

    line: str
    rows: list[tuple[int, list[HeatCell | None]]]


def heat_map(vaes: pd.DataFrame) -> Heat:
    """Returns what the map shows, for JSON: columns, lines, both axes, and values by moment.

    `values[moment][column][line]` is a list of [m_z, n_c, mean, low, high, n]; low and high are
    the 95 % t interval over replicates, None for one. The moments are `final`, the mean of the last
    10 % of the epochs, and `best`, the epoch of the highest validation ELBO, or test ELBO without
    validation images. `vaes` are the rows of finished VAEs with their lines. Columns that were
    measured with different options are left out.
    """
    if vaes.empty:
        return {}
    moments = {"final": _final(vaes), "best": _best(vaes)}
    final = moments["final"]
    names = [n for n in final.select_dtypes("number") if n in ROW_COLUMNS and n not in HIDDEN]
    comparable = (n for n in names if final[n].notna().any() and are_measured_alike(vaes, n))
    names = sorted(comparable, key=_rank)
    return {
        "columns": [{"name": n, "unit": _unit(n), "about": ROW_COLUMNS[n][2]} for n in names],
        "lines": order(final["line"]),
        "m_z": sorted({int(v) for v in final["m_z"]}),
        "n_c": sorted({int(v) for v in final["n_c"]}),
        "chosen_by": _chooser(vaes),
        "values": {moment: _values(table, names) for moment, table in moments.items()},
    }


def _rank(name: str) -> tuple[int, str]:
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def _unit(name: str) -> str:
    unit = ROW_COLUMNS[name][0]
    return "" if unit in ("1", "count", "share") else unit


def _final(vaes: pd.DataFrame) -> pd.DataFrame:
    return curves.last_values(vaes)


def _chooser(vaes: pd.DataFrame) -> str:
    validated = "validation_elbo" in vaes and vaes["validation_elbo"].notna().any()
    return "validation_elbo" if validated else "test_elbo"


def _best(vaes: pd.DataFrame) -> pd.DataFrame:
    """Returns each trial's row of its best epoch, by the column of `_chooser`."""
    name = _chooser(vaes)
    if name not in vaes:
        return vaes.iloc[:0]
    measured = vaes.dropna(subset=[name])
    return measured.loc[measured.groupby("key")[name].idxmax()]


def _values(table: pd.DataFrame, names: list[str]) -> dict[str, Values]:
    """Returns the cells' values; the mean of a replicate's trials counts as one value."""
    result: dict[str, Values] = {name: {} for name in names}
    names = [name for name in names if name in table]
    place = table[["line", "m_z", "n_c", "drawn"]].assign(overlap=overlaps(table))
    numbers = pd.concat([place, table[names].astype(float)], axis=1)
    draws = numbers.groupby(["line", "m_z", "n_c", "drawn"]).mean().reset_index()
    for (line, m_z, n_c), cell in groups(draws, ["line", "m_z", "n_c"]):
        values = cell[names].to_numpy(dtype=float)
        for index, name in enumerate(names):
            interval = t_interval(values[:, index], overlap=float(cell["overlap"].iloc[0]))
            if interval.n:
                row = [
                    int(m_z),
                    int(n_c),
                    *map(rounded, (interval.mean, interval.low, interval.high)),
                    interval.n,
                ]
                result[name].setdefault(str(line), []).append(row)
    return result


def rounded(value: float) -> float | None:
    """Rounds a number to the digits that a page keeps; None for NaN."""
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")


def shown(value: float | None) -> str:
    """Formats a number as a cell shows it; "" for None."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 10000:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if size >= 1000 or value == int(value):
        return f"{value:.0f}"
    return f"{value:#.4g}" if size >= 1 else f"{value:#.3g}"


def tables(heat: Heat) -> list[HeatTable]:
    """Returns the map of the first column as tables, one per line, for readers without scripts."""
    if not heat or not heat["columns"]:
        return []
    values = heat["values"]["final"][heat["columns"][0]["name"]]
    means = [row[2] for rows in values.values() for row in rows]
    low, span = min(means), (max(means) - min(means)) or 1.0
    result: list[HeatTable] = []
    for line in heat["lines"]:
        cells: dict[tuple[int, int], HeatCell] = {
            (row[0], row[1]): _cell(row, line, round((STEPS - 1) * (row[2] - low) / span))
            for row in values.get(line, [])
        }
        rows = [(m_z, [cells.get((m_z, n_c)) for n_c in heat["n_c"]]) for m_z in heat["m_z"]]
        rows = [(m_z, row) for m_z, row in rows if any(row)]
        result.append({"line": line, "rows": rows})
    return result


def _cell(row: list[Any], line: str, shade: int) -> HeatCell:
    m_z, n_c, mean, low, high, n = row
    ends = "" if low is None else f" [{shown(low)}, {shown(high)}]"
    text = f"{line}, m_z={m_z}, n_c={n_c}: {shown(mean)}{ends}, n={n}"
    return {"text": shown(mean), "words": text, "shade": shade}
