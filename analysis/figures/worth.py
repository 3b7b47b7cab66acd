"""Loss over the number of real images, and how many of them diffusion samples are worth."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from analysis import curves, levels, style
from analysis.figures import marks
from analysis.intervals import FEW_SEEDS, t_half_width
from analysis.laws import frames
from analysis.laws.law import Curve
from analysis.laws.worth import Worth, worth_lines, worths

HEIGHT = 3.6  # inches
TITLE = "Test loss by the number of real images, and how many of them samples are worth"
MARKERS = "os^vD<>P"
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the real images that samples are worth, a row per width and |D_train|.

    Raises ResultsError if there are no VAEs on real images and on samples to compare.
    """
    rows = [
        vars(one) | {"times": one.times, "verdict": one.verdict, "method": "Fieller, t"}
        for one in worths(frame)
    ]
    return pd.DataFrame(rows)


def worth(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the loss over |D_train| on the left, and on the right what samples are worth."""
    found = worths(frame)
    shown = frames.curves_of(frame, frames.variables(frame, "train_size", "test_elbo"))
    shown = [curve for curve in shown if curve.source in ("normal", "dmaapx")]
    figure = Figure(figsize=(style.inches(style.WIDE), HEIGHT), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_ylabel(style.LABELS["negative_test_elbo"].replace(" (", "\n("))
    left.set_yscale("log")  # little data overfit by far more than what is of interest
    left.yaxis.set_major_locator(MaxNLocator(6))
    left.yaxis.set_minor_locator(NullLocator())
    left.yaxis.set_major_formatter(PLAIN)
    names = list(dict.fromkeys(", ".join(c.name.split(", ")[1:]) for c in shown))
    look = {name: MARKERS[at % len(MARKERS)] for at, name in enumerate(names)}
    for curve in shown:
        _losses(left, curve, look[", ".join(curve.name.split(", ")[1:])])
    for at, name in enumerate(dict.fromkeys(one.name for one in found)):
        _worth(right, [one for one in found if one.name == name], 2 ** (0.08 * at), look.get(name))
    sizes = sorted({int(size) for curve in shown for size in curve.sizes})
    for ax, text in ((left, "a"), (right, "b")):
        marks.log2_axis(ax, sizes, "train_size")
        marks.title(ax, f"({text})")
    ended = curves.stopped(frame)
    marks.stopped(left, ended["train_size"].dropna().unique().tolist(), style.GREY)
    right.axhline(1.0, color=style.GREY, linewidth=0.8, linestyle="--")
    right.set_yscale("log", base=2)
    right.yaxis.set_major_formatter(PLAIN)
    right.set_ylabel("real images that samples are\nworth, per image the model saw")
    if all(math.isnan(one.low) for one in found):
        right.clear()
        marks.title(right, "(b)")
        marks.empty(right, "no estimate of what samples are worth")
    marks.heading(figure, _handles(names, look), marks.with_data(TITLE, frame))
    without = worth_lines([one for one in found if math.isnan(one.images)])[1:]
    marks.note(figure, [_counted(found, _level(frame)), *without, note])
    return figure


def _level(frame: pd.DataFrame) -> str:
    """Returns what the draws of the compared VAEs are (`levels.level_of`)."""
    vae = curves.finished(frame)
    return levels.level_of(levels.settle(vae[vae["source"].isin(["normal", "dmaapx"])]))


def _counted(found: list[Worth], level: str) -> str:
    """Describes what the right panel shows, and over how many draws of that level."""
    draws = sorted({one.replicates for one in found})
    n = f"{draws[0]}" if len(draws) == 1 else f"{draws[0]} to {draws[-1]}" if draws else "no"
    opened = any(not one.low or math.isinf(one.high) for one in found)
    if all(math.isnan(one.low) for one in found):
        return levels.counted(n, level)
    return (
        f"95 % intervals over {levels.counted(n, level)}. Dashed: samples are worth as many real "
        f"images as their diffusion model saw.{' An arrow is an open end.' * opened}"
    )


def _losses(ax: Axes, curve: Curve, marker: str) -> None:
    colour = style.source_colour(curve.source)
    known = [column[~np.isnan(column)] for column in curve.y.T]
    mean = [column.mean() if len(column) else math.nan for column in known]
    half = [
        float(t_half_width(c, overlap=curve.overlap_at(at))) if len(c) >= FEW_SEEDS else math.nan
        for at, c in enumerate(known)
    ]
    ax.errorbar(curve.sizes, mean, half, fmt=f"{marker}-", color=colour, elinewidth=0.8)


def _worth(ax: Axes, found: list[Worth], shift: float, marker: str | None) -> None:
    """Draws intervals of what samples are worth; an open end is an arrow."""
    colour = style.source_colour("dmaapx")
    for one in found:
        if math.isnan(one.low):
            continue
        x = one.size * shift
        low, high = one.low or one.size / 4, min(one.high, one.size * 16)
        ax.plot([x, x], [low / one.size, high / one.size], color=colour, linewidth=0.9)
        if math.isinf(one.high):
            ax.plot([x], [high / one.size], "^", color=colour, fillstyle="none")
        if not one.low:
            ax.plot([x], [low / one.size], "v", color=colour, fillstyle="none")
        if not math.isnan(one.images):
            ax.plot([x], [one.times], marker or "o", color=colour)


def _in_tex(name: str) -> str:
    """Formats a width as other figures do: $n_c=8$ for n_c=8."""
    words = (word.partition("=") for word in name.split(", "))
    return ", ".join(
        f"${n}={value}$" if n in ("m_z", "n_c") else f"{n}={value}" for n, _, value in words
    )


def _handles(names: list[str], look: dict[str, str]) -> list[Line2D]:
    sources = [
        Line2D([], [], color=style.source_colour(s), label=style.source_label(s))
        for s in ("normal", "dmaapx")
    ]
    widths = [
        Line2D([], [], color=style.GREY, marker=look[name], linestyle="", label=_in_tex(name))
        for name in names
        if name
    ]
    return sources + widths
