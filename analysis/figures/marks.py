"""What several figures draw: seeds as dots, means with intervals, log axes, notes."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from analysis import levels, style
from analysis.figures import layout
from analysis.intervals import FEW_SEEDS

BESIDE = 3.0  # points between a mean and its seeds' dots
UNDER = 0.22  # of a row, that seeds stand below their mean
EARLY, ROOM = 0.1, 0.08  # share of the epochs whose values may leave a panel; margin of its rest
SHOWN = 4  # unfinished things named
CLEAR = 4.5  # points, radius of the ring around a minimum or the peak
MARKED = 6  # markers on a line over epochs, at most
NOTE_LETTERS = 19  # of a note that an inch holds, at least


def seed_values(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table that hold single draws: seeds, or replicates."""
    return table[[name for name in table if str(name).startswith(("seed_", "replicate_"))]]


def series(
    ax: Axes, x: Iterable[float], table: pd.DataFrame, colour: str, look: str, width: float = 1.3
) -> None:
    """Means as `look` says (marker and line), 95 % intervals from 3 seeds on, a dot per seed.

    The interval of 2 seeds (1 degree of freedom) says little and would dwarf all else; it stands
    in the numbers.
    """
    x = np.array(list(x), dtype=float)
    ax.plot(x, table["mean"], look, color=colour, zorder=3, linewidth=width)
    known = (table["n"] >= FEW_SEEDS).to_numpy()
    mean, low, high = (table[name].to_numpy()[known] for name in ("mean", "low", "high"))
    bars = np.stack([mean - low, high - mean])
    ax.errorbar(x[known], mean, bars, fmt="none", ecolor=colour, elinewidth=0.8, alpha=0.75)
    dots(ax, x, table, colour)


def dots(ax: Axes, x: np.ndarray, table: pd.DataFrame, colour: str) -> None:
    """A small dot per seed, just right of the mean so that neither hides the other."""
    aside = ScaledTranslation(BESIDE / 72, 0, ax.figure.dpi_scale_trans)
    seeds = seed_values(table).to_numpy(dtype=float)
    again = np.repeat(x, seeds.shape[1])
    (marks,) = ax.plot(again, seeds.ravel(), ".", color=colour, markersize=3.5, alpha=0.6)
    marks.set(markeredgewidth=0, zorder=2.5, transform=ax.transData + aside)


def curve(
    ax: Axes, table: pd.DataFrame, colour: str, look: str, marker: str = "", band: bool = True
) -> None:
    """Means over epochs, with a few markers; a band is the 95 % interval from 3 seeds on."""
    marker = marker or ("o" if len(table) == 1 else "")
    every = max(1, -(-len(table) // MARKED))
    start = (len(table) - 1) % every  # the last is marked
    ax.plot(table["epoch"], table["mean"], f"{marker}{look}", color=colour, zorder=3,
            markevery=(start, every))  # fmt: skip
    if band:
        known = table[table["n"] >= FEW_SEEDS]
        edges = (known["epoch"], known["low"], known["high"])
        ax.fill_between(*edges, color=colour, alpha=0.16, linewidth=0, zorder=2)


def stopped(ax: Axes, places: Iterable[float], colour: str) -> None:
    """A cross at the lower edge where trials ended early by their rule: they have no value."""
    for x in places:
        (mark,) = ax.plot([x], [0.02], "x", color=colour, markersize=5, zorder=4, clip_on=False)
        mark.set(transform=ax.get_xaxis_transform(), gid="stopped")


def zoom(ax: Axes, table: pd.DataFrame, bands: bool = True) -> None:
    """The y axis shows the last 90 % of the epochs: what begins far below would flatten the rest.

    `table` has columns epoch, mean, low, high, n; without `bands` intervals do not count.
    """
    late = table[table["epoch"] >= EARLY * table["epoch"].max()]
    known = late[(late["n"] >= FEW_SEEDS) & bands]
    values = pd.concat([late["mean"], known["low"], known["high"]])
    room = ROOM * (np.ptp(values) or abs(values.iloc[0]) or 1.0)
    ax.set_ylim(values.min() - room, values.max() + room)
    ax.set_xlim(left=0)


def row(ax: Axes, y: float, table: pd.DataFrame, colour: str, marker: str = "o") -> None:
    """Mean, interval and seeds of the only row of `table` at height y, the value in the margin."""
    mean, low, high = (float(table[name].iloc[0]) for name in ("mean", "low", "high"))
    seeds = seed_values(table).to_numpy(dtype=float)[0]
    known = table["n"].iloc[0] >= FEW_SEEDS
    bars = [[mean - low], [high - mean]] if known else None
    ax.errorbar([mean], [y], xerr=bars, fmt=marker, color=colour, elinewidth=0.9, zorder=3)
    ax.plot(seeds, np.full(len(seeds), y - UNDER), ".", color=colour, markersize=3, alpha=0.6)
    margin(ax, y, style.rounded(mean, (high - low) / 2 if known else None))


def margin(ax: Axes, y: float, text: str) -> None:
    """A number at the right margin, at height y."""
    label = ax.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), va="center")
    label.set(fontsize=6.5, zorder=4)


def not_negative(ax: Axes, values: pd.Series) -> None:
    """Ends the x axis at 0 where nothing drawn is below: margins show no impossible values."""
    if len(values) and values.min() >= 0:
        ax.set_xlim(left=max(0.0, ax.get_xlim()[0]))


def log2_axis(ax: Axes, values: Sequence[int], name: str) -> None:
    """Doublings at equal distances, the values themselves as ticks."""
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(values), [str(value) for value in values])
    ax.minorticks_off()
    ax.set_xlabel(style.LABELS[name])


def letter(ax: Axes, text: str) -> None:
    """The panel's letter, above its left corner."""
    ax.set_title(text, loc="left", fontweight="bold")


def empty(ax: Axes, why: str) -> None:
    """A panel without data says so."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color="#7f7f7f")
    ax.set_xticks([])
    ax.set_yticks([])


def note(figure: Figure, parts: Sequence[str]) -> None:
    """Small and grey under the figure, the layout makes room for it."""
    fitting = int(NOTE_LETTERS * figure.get_figwidth())
    lines = [line for part in parts for whole in part.splitlines() for line in wrap(whole, fitting)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", **style.NOTE)


def counted(finals: pd.DataFrame, table: pd.DataFrame, seeds: str = "dots") -> str:
    """How many draws of which level, and how many epochs, stand behind the marks.

    `seeds` says where single draws are drawn, "" where they are not.
    """
    epochs = span(finals["epoch"])
    where = f" ({seeds})" if seeds else ""
    return f"{draws(table)}{where}, {interval_of(table)}; {epochs} epochs"


def draws(table: pd.DataFrame) -> str:
    """How many draws of which level stand behind a table of `over_seeds`."""
    return levels.counted(span(table["n"]), levels.level_of(table))


def interval_of(table: pd.DataFrame) -> str:
    """What its intervals are, in words."""
    unit = levels.unit_of(levels.level_of(table))
    told = f"mean over {unit}s with 95 % t interval from {FEW_SEEDS} {unit}s on"
    splits = table["method"].astype(str).str.contains("overlap").any()
    told += ", overlap of the splits allowed for" if splits else ""
    return told if (table["n"] >= FEW_SEEDS).any() else "no interval"


def heading(figure: Figure, handles: list[Line2D], title: str) -> None:
    """Above all panels what the figure shows, in words, and the handles' legend."""
    across = layout.columns([str(handle.get_label()) for handle in handles], figure, 6)
    legend = figure.legend(
        handles=handles, loc="outside upper center", ncols=across,
        title=layout.wrapped(title, figure),
    )  # fmt: skip
    legend.get_title().set(fontsize=8, multialignment="center")


def lacking(texts: Sequence[str]) -> str:
    """What is not finished, the first of it by name."""
    more = f"; and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return f"Not finished: {'; '.join(texts[:SHOWN])}{more}" if texts else ""


def span(values: pd.Series) -> str:
    """Whole numbers in words: 3, or 2 to 3."""
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"
