"""Draws a comparison: differences with intervals, a panel per metric and a row per cell."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import figures, style
from analysis.diff.differences import ALL_CELLS, Difference
from analysis.diff.lines import cell_words

PANELS = 3  # largest number of metrics drawn
ROWS = 40  # largest number of cells drawn, those with the smallest p
HEIGHT = 0.16  # inches per row
BEYOND, WITHIN = "#d55e00", "#0072b2"  # the marker distinguishes them too


def numbers(differences: Iterable[Difference]) -> pd.DataFrame:
    """Returns a row per comparison: cell, metric, means, difference, interval, both p-values."""
    rows = [
        {name: value for name, value in d.cell.items()}
        | {"metric": d.metric, "a": d.a, "b": d.b, "difference": d.interval.mean}
        | {"low": d.interval.low, "high": d.interval.high, "n": d.interval.n}
        | {"method": d.interval.method, "p": d.p, "adjusted_p": d.adjusted, "differs": d.differs}
        for d in differences
    ]
    return pd.DataFrame(rows)


def drawn(differences: list[Difference], title: str) -> Figure:
    """Draws the figure; filled squares differ beyond noise, open circles do not, grey is open."""
    metrics = list(dict.fromkeys(d.metric for d in differences))[:PANELS]
    rows = _rows([d for d in differences if d.metric in metrics])
    figure = Figure(figsize=(style.WIDE, 1.1 + HEIGHT * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for ax, metric in zip(panels, metrics, strict=True):
        _panel(ax, [d for d in differences if d.metric == metric], rows)
        ax.set_xlabel(f"{style.LABELS.get(metric, metric)}\nB \N{MINUS SIGN} A")
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].invert_yaxis()
    figure.suptitle(title, fontsize=style.RC["font.size"])
    return figure


def _rows(differences: list[Difference]) -> list[str]:
    """Returns the texts of the cells that are drawn, the mean over cells first."""
    by_p = sorted(differences, key=lambda d: (ALL_CELLS not in d.cell, 1.0 if d.p is None else d.p))
    texts = set(list(dict.fromkeys(cell_words(d.cell) for d in by_p))[:ROWS])
    overall = [cell_words(d.cell) for d in differences if ALL_CELLS in d.cell]
    return list(
        dict.fromkeys([*overall, *(w for d in differences if (w := cell_words(d.cell)) in texts)])
    )


def _panel(ax: Axes, differences: list[Difference], rows: list[str]) -> None:
    ax.axvline(0, color=style.GREY, linewidth=0.8)
    for d in differences:
        text = cell_words(d.cell)
        if text not in rows:
            continue
        colour = style.GREY if d.adjusted is None else BEYOND if d.differs else WITHIN
        half = d.interval.high - d.interval.mean
        ax.errorbar(
            d.interval.mean,
            rows.index(text),
            xerr=half if half == half else None,
            fmt="s" if d.differs else "o",
            color=colour,
            markerfacecolor=colour if d.differs else "white",
            elinewidth=0.8,
        )


def save(differences: list[Difference], title: str, files: Iterable[Path]) -> None:
    """Writes the figure, or for .csv its numbers, as `figures.write` does."""
    figures.write(files, lambda: drawn(differences, title), lambda: numbers(differences))
