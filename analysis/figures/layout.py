"""How a figure fits a column of a page: panels above each other, titles and notes wrapped."""

import re
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from analysis import style

TITLE_LETTERS = 15.0  # of a heading that an inch holds
ADDED = 0.55  # inches of labels and titles that a panel brings along


def narrow(figure: Figure) -> bool:
    """Whether the figure is as wide as a column, or less."""
    return figure.get_figwidth() < style.COLUMN


def stack(figure: Figure) -> None:
    """Places the panels of a narrow figure above each other, column by column; wide ones stay.

    The figure grows so that each panel keeps its height. Panels without a place in a grid, such as
    colour bars, follow their own; what shares a y axis gets its numbers back.
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
    alike = len(set(ratios)) == 1  # else a lower row belongs to the one above it
    single = GridSpec(rows * columns, 1, figure=figure, height_ratios=ratios * columns)
    for ax in placed:
        at = ax.get_subplotspec()
        assert at is not None
        row, column = at.rowspan.start, at.colspan.start
        ax.set_subplotspec(single[row * columns + column if alike else column * rows + row])
        ax.tick_params(axis="y", labelleft=True)


BODY = 0.55  # of a figure's height that its panels take, the rest being titles and notes


def wrapped(text: str, figure: Figure) -> str:
    """A heading whose lines fit the figure; TeX is not cut."""
    most = TITLE_LETTERS * figure.get_figwidth()
    lines = []
    for line in text.splitlines():
        words, held = re.split(r" (?=(?:[^$]*\$[^$]*\$)*[^$]*$)", line), ""
        for word in words:
            longer = f"{held} {word}".strip()
            if held and style.letters(longer) > most:
                lines.append(held)
                longer = word
            held = longer
        lines.append(held)
    return "\n".join(lines)


def columns(texts: list[str], figure: Figure, most: int) -> int:
    """How many entries of a legend stand side by side in the figure, `most` at most."""
    widest = HANDLE + max((style.letters(text) for text in texts), default=0) / LEGEND_LETTERS
    fitting = max(1, min(most, int(figure.get_figwidth() / widest)))
    rows = -(-len(texts) // fitting) or 1
    return -(-len(texts) // rows) or 1


LEGEND_LETTERS, HANDLE = 17.5, 0.5  # that an inch holds; inches that a handle takes


def title(ax: Axes, text: str, letters: float = 0.0) -> None:
    """A panel's title, bold on its left, wrapped where `letters` are given."""
    lines = wrap(text, int(letters)) if letters else [text]
    ax.set_title("\n".join(lines), loc="left", fontweight="bold")
