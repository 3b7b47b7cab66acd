"""Fits a figure into a page's column: stacks its panels, and wraps titles and notes."""

import re

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from analysis import style

TITLE_LETTERS = 15.0  # letters of a heading per inch
ADDED = 0.55  # inches for a panel's labels and titles


def narrow(figure: Figure) -> bool:
    """Returns whether the figure is at most about as wide as a column."""
    return figure.get_figwidth() < style.COLUMN


def stack(figure: Figure) -> None:
    """Places the panels of a narrow figure above each other, and leaves wide figures as they are.

    The figure grows so that each panel keeps its height. Axes outside the grid, such as colour
    bars, move with their panel; panels that share a y axis get its numbers.
    """
    placed = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    grids = {ax.get_subplotspec().get_gridspec() for ax in placed}  # type: ignore[union-attr]
    if not narrow(figure) or len(grids) != 1 or len(placed) < 2:
        return
    grid = grids.pop()
    rows, columns = grid.get_geometry()
    if columns == 1:
        return
    ratios = [float(ratio) for ratio in np.asarray(grid.get_height_ratios())]
    tall = figure.get_figheight()
    figure.set_figheight(tall + (columns - 1) * (tall * BODY + ADDED))
    is_even = len(set(ratios)) == 1  # otherwise a lower row belongs to the row above it
    single = GridSpec(rows * columns, 1, figure=figure, height_ratios=ratios * columns)
    shared = {  # side by side, the first panel's label was enough for its row
        ax.get_subplotspec().rowspan.start: ax.get_ylabel()  # type: ignore[union-attr]
        for ax in placed
        if not ax.get_subplotspec().colspan.start  # type: ignore[union-attr]
    }
    for ax in placed:
        spec = ax.get_subplotspec()
        assert spec is not None
        row, column = spec.rowspan.start, spec.colspan.start
        ax.set_subplotspec(single[row * columns + column if is_even else column * rows + row])
        ax.tick_params(axis="y", labelleft=True)
        if is_even and not ax.get_ylabel():
            ax.set_ylabel(shared.get(row, ""))


def widen(figure: Figure, across: int) -> None:
    """Lets the first `across` panels reach over the numbers at the right of those below them.

    It computes the figure's layout and fixes it, so call it when everything is drawn. Narrow
    figures, whose panels are stacked later, stay as they are.
    """
    if narrow(figure):
        return
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    for upper, lower in zip(figure.axes[:across], figure.axes[across:], strict=True):
        box, lower_box = upper.get_position(), lower.get_tightbbox()
        ticks = upper.xaxis.get_tightbbox()  # half a label may lie to the right of the axes
        beyond = max(0.0, ticks.x1 - upper.bbox.x1) if ticks else 0.0
        right = ((lower_box.x1 if lower_box else upper.bbox.x1) - beyond) / figure.bbox.width
        upper.set_position((box.x0, box.y0, right - box.x0, box.height))


BODY = 0.55  # share of a figure's height for its panels; the rest is for titles and notes


def wrapped(text: str, figure: Figure) -> str:
    """Wraps a heading to the figure's width, without breaking TeX."""
    most = TITLE_LETTERS * figure.get_figwidth()
    lines = []
    for line in text.splitlines():
        words, current = re.split(r" (?=(?:[^$]*\$[^$]*\$)*[^$]*$)", line), ""
        for word in words:
            longer = f"{current} {word}".strip()
            if current and style.letters(longer) > most:
                lines.append(current)
                longer = word
            current = longer
        lines.append(current)
    return "\n".join(lines)


def columns(texts: list[str], figure: Figure, most: int) -> int:
    """Returns how many entries of a legend, at most `most`, fit side by side in the figure."""
    widest = HANDLE + max((style.letters(text) for text in texts), default=0) / LEGEND_LETTERS
    fitting = max(1, min(most, int(figure.get_figwidth() / widest)))
    rows = -(-len(texts) // fitting) or 1
    return -(-len(texts) // rows) or 1


LEGEND_LETTERS, HANDLE = 17.5, 0.5  # letters per inch; inches for a handle
