"""Draws what several figures share: seeds as dots, means with intervals, log axes, notes."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from analysis import style
from analysis.figures import layout
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS

BESIDE = 3.0  # typographic points between a mean and its seeds' dots
UNDER = 0.22  # distance, in rows, of seeds below their mean
EARLY, ROOM = 0.1, 0.08  # share of epochs that may leave a panel; relative margin of the others
SHOWN = 4  # unfinished trials named
CLEAR = 4.5  # typographic points, radius of the ring around a minimum or the peak
MARKED = 6  # most markers on a line over epochs
NOTE_LETTERS = 19  # least letters of a note per inch


def seed_values(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table's columns with single draws: seeds or replicates."""
    return table[[name for name in table if str(name).startswith(("seed_", "replicate_"))]]


def series(
    ax: Axes, x: Iterable[float], table: pd.DataFrame, colour: str, look: str, width: float = 1.3
) -> None:
    """Draws means with marker and line `look`, 95 % intervals if n >= 3, and a dot per draw.

    The interval of 2 draws (1 degree of freedom) says little and would dwarf everything else; it is
    in the numbers only.
    """
    x = np.array(list(x), dtype=float)
    ax.plot(x, table["mean"], look, color=colour, zorder=3, linewidth=width)
    has_interval = (table["n"] >= FEW_SEEDS).to_numpy()
    mean, low, high = (table[name].to_numpy()[has_interval] for name in ("mean", "low", "high"))
    bars = np.stack([mean - low, high - mean])
    ax.errorbar(x[has_interval], mean, bars, fmt="none", ecolor=colour, elinewidth=0.8, alpha=0.75)
    dots(ax, x, table, colour)


def dots(ax: Axes, x: np.ndarray, table: pd.DataFrame, colour: str) -> None:
    """Draws a small dot per draw, just right of the mean so that neither hides the other."""
    offset = ScaledTranslation(BESIDE / 72, 0, ax.figure.dpi_scale_trans)
    seeds = seed_values(table).to_numpy(dtype=float)
    repeated_x = np.repeat(x, seeds.shape[1])
    (marks,) = ax.plot(repeated_x, seeds.ravel(), ".", color=colour, markersize=3.5, alpha=0.6)
    marks.set(markeredgewidth=0, zorder=2.5, transform=ax.transData + offset)


def curve(
    ax: Axes, table: pd.DataFrame, colour: str, look: str, marker: str = "", band: bool = True
) -> None:
    """Draws means over epochs with a few markers; a band is the 95 % interval if n >= 3."""
    marker = marker or ("o" if len(table) == 1 else "")
    step = max(1, -(-len(table) // MARKED))
    start = (len(table) - 1) % step  # marks the last epoch
    ax.plot(table["epoch"], table["mean"], f"{marker}{look}", color=colour, zorder=3,
            markevery=(start, step))  # fmt: skip
    if band:
        rows = table[table["n"] >= FEW_SEEDS]
        edges = (rows["epoch"], rows["low"], rows["high"])
        ax.fill_between(*edges, color=colour, alpha=0.16, linewidth=0, zorder=2)


def stopped(ax: Axes, places: Iterable[float], colour: str) -> None:
    """Draws crosses at the lower edge for trials that ended early by their rule: no value."""
    for x in places:
        (mark,) = ax.plot([x], [0.02], "x", color=colour, markersize=5, zorder=4, clip_on=False)
        mark.set(transform=ax.get_xaxis_transform(), gid="stopped")


def zoom(ax: Axes, table: pd.DataFrame, bands: bool = True) -> None:
    """Limits the y axis to the last 90 % of the epochs: the first ones would flatten the rest.

    `table` has columns epoch, mean, low, high, n; without `bands` intervals do not count.
    """
    late = table[table["epoch"] >= EARLY * table["epoch"].max()]
    rows = late[(late["n"] >= FEW_SEEDS) & bands]
    values = pd.concat([late["mean"], rows["low"], rows["high"]])
    room = ROOM * (np.ptp(values) or abs(values.iloc[0]) or 1.0)
    ax.set_ylim(values.min() - room, values.max() + room)
    ax.set_xlim(left=0)


def row(ax: Axes, y: float, table: pd.DataFrame, colour: str, marker: str = "o") -> None:
    """Draws mean, interval and draws of a one-row table at height y, the value at the right."""
    mean, low, high = (float(table[name].iloc[0]) for name in ("mean", "low", "high"))
    seeds = seed_values(table).to_numpy(dtype=float)[0]
    has_interval = table["n"].iloc[0] >= FEW_SEEDS
    bars = [[mean - low], [high - mean]] if has_interval else None
    ax.errorbar([mean], [y], xerr=bars, fmt=marker, color=colour, elinewidth=0.9, zorder=3)
    ax.plot(seeds, np.full(len(seeds), y - UNDER), ".", color=colour, markersize=3, alpha=0.6)
    margin(ax, y, style.rounded(mean, (high - low) / 2 if has_interval else None))


def margin(ax: Axes, y: float, text: str) -> None:
    """Writes a text at the right margin, at height y."""
    label = ax.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), va="center")
    label.set(fontsize=6.5, zorder=4)


def not_negative(ax: Axes, values: pd.Series) -> None:
    """Ends the x axis at 0 if no value is below, so that margins show no impossible values."""
    if len(values) and values.min() >= 0:
        ax.set_xlim(left=max(0.0, ax.get_xlim()[0]))


def log2_axis(ax: Axes, values: Sequence[int], name: str) -> None:
    """Makes the x axis logarithmic with base 2 and the values as ticks."""
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(values), [str(value) for value in values])
    ax.minorticks_off()
    ax.set_xlabel(style.LABELS[name])


def title(ax: Axes, text: str) -> None:
    """Writes a panel's title or letter in bold above its left corner."""
    ax.set_title(text, loc="left", fontweight="bold")


def with_data(text: str, frame: pd.DataFrame) -> str:
    """Adds the names of the data sets to a title, if they are recorded."""
    datasets = frame.get("dataset", pd.Series(dtype=str)).dropna().unique()
    return ", ".join([text, *(style.dataset_label(str(name)) for name in datasets)])


def empty(ax: Axes, why: str) -> None:
    """Writes in a panel without data why it is empty."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color="#7f7f7f")
    ax.set_xticks([])
    ax.set_yticks([])


def note(figure: Figure, parts: Sequence[str]) -> None:
    """Writes notes in small grey type under the figure, for which the layout makes room."""
    fitting = int(NOTE_LETTERS * figure.get_figwidth())
    lines = [line for part in parts for text in part.splitlines() for line in wrap(text, fitting)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", **style.NOTE)


def counted(finals: pd.DataFrame, table: pd.DataFrame, seeds: str = "dots") -> str:
    """Describes the draws behind the marks (number, level), and the epochs.

    `seeds` says how single draws are shown, "" if they are not.
    """
    epochs = span(finals["epoch"])
    suffix = f" ({seeds})" if seeds else ""
    return f"{draws(table)}{suffix}, {interval_of(table)}; {epochs} epochs"


def draws(table: pd.DataFrame) -> str:
    """Describes the draws (number, level) behind a table of `over_seeds`."""
    return levels.counted(span(table["n"]), levels.level_of(table))


def interval_of(table: pd.DataFrame) -> str:
    """Describes the intervals of a table of `over_seeds`."""
    unit = levels.unit_of(levels.level_of(table))
    text = f"mean over {unit}s with 95 % t interval for at least {FEW_SEEDS} {unit}s"
    splits = table["method"].astype(str).str.contains("overlap").any()
    text += ", overlap of the splits allowed for" if splits else ""
    return text if (table["n"] >= FEW_SEEDS).any() else "no interval"


def heading(figure: Figure, handles: list[Line2D], title: str) -> None:
    """Writes a title and a legend of the handles above all panels."""
    across = layout.columns([str(handle.get_label()) for handle in handles], figure, 6)
    legend = figure.legend(
        handles=handles, loc="outside upper center", ncols=across,
        title=layout.wrapped(title, figure),
    )  # fmt: skip
    legend.get_title().set(fontsize=8, multialignment="center")


def lacking(texts: Sequence[str]) -> str:
    """Says what is not finished, and names the first few."""
    more = f"; and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return f"Not finished: {'; '.join(texts[:SHOWN])}{more}" if texts else ""


def span(values: pd.Series) -> str:
    """Formats a range of whole numbers: 3, or 2 to 3."""
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"
