"""Loss over the number of real images, and how many of them diffusion samples are worth."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from analysis import curves, style
from analysis.figures import marks
from analysis.laws import frames
from analysis.laws.law import Curve
from analysis.laws.worth import Worth, worth_lines, worths
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS, t_half_width

HEIGHT = 3.6  # inches
TITLE = "Test loss by the number of real images, and how many of them samples are worth"
MARKERS = "os^vD<>P"
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the real images that samples are worth, a row per width and |D_train|.

    Raises ResultsError if there are no VAEs on real images and on samples to compare.
    """
    rows = [
        vars(estimate)
        | {"times": estimate.times, "verdict": estimate.verdict, "method": "Fieller, t"}
        for estimate in worths(frame)
    ]
    return pd.DataFrame(rows)


def worth(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the loss over |D_train| on the left, and on the right what samples are worth."""
    estimates = worths(frame)
    shown_curves = frames.curves_of(frame, frames.variables(frame, "train_size", "test_elbo"))
    shown_curves = [curve for curve in shown_curves if curve.source in ("normal", "dmaapx")]
    figure = Figure(figsize=(style.inches(style.WIDE), HEIGHT), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_ylabel(style.LABELS["negative_test_elbo"].replace(" (", "\n("))
    left.set_yscale("log")  # little data overfit by far more than what is of interest
    left.yaxis.set_major_locator(MaxNLocator(6))
    left.yaxis.set_minor_locator(NullLocator())
    left.yaxis.set_major_formatter(PLAIN)
    names = list(dict.fromkeys(", ".join(c.name.split(", ")[1:]) for c in shown_curves))
    look = {name: MARKERS[index % len(MARKERS)] for index, name in enumerate(names)}
    for curve in shown_curves:
        _losses(left, curve, look[", ".join(curve.name.split(", ")[1:])])
    sizes = sorted({int(size) for curve in shown_curves for size in curve.sizes})
    marks.log2_axis(left, sizes, "train_size")
    _estimates(right, estimates, look, sizes)
    for ax, text in ((left, "a"), (right, "b")):
        marks.title(ax, f"({text})")
    ended = curves.stopped(frame)
    marks.stopped(left, ended["train_size"].dropna().unique().tolist(), style.GREY)
    marks.heading(figure, _handles(names, look), marks.with_data(TITLE, frame))
    without = worth_lines([estimate for estimate in estimates if math.isnan(estimate.images)])[1:]
    marks.note(figure, [_counted(estimates, _level(frame)), *without, note])
    return figure


def _estimates(
    ax: Axes, estimates: list[Worth], look: Mapping[str, str], sizes: Sequence[int]
) -> None:
    """Draws what samples are worth, or writes that there is no estimate."""
    if all(math.isnan(estimate.low) for estimate in estimates):
        marks.empty(ax, "no estimate of what samples are worth")
        return
    for index, name in enumerate(dict.fromkeys(estimate.name for estimate in estimates)):
        _worth(ax, [e for e in estimates if e.name == name], 2 ** (0.08 * index), look.get(name))
    marks.log2_axis(ax, sizes, "train_size")
    ax.axhline(1.0, color=style.GREY, linewidth=0.8, linestyle="--")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter(PLAIN)
    ax.set_ylabel("real images that samples are\nworth, per image the model saw")


def _level(frame: pd.DataFrame) -> str:
    """Returns what the draws of the compared VAEs are (`levels.level_of`)."""
    vae = curves.finished(frame)
    return levels.level_of(levels.settle(vae[vae["source"].isin(["normal", "dmaapx"])]))


def _counted(estimates: list[Worth], level: str) -> str:
    """Describes what the right panel shows, and over how many draws of that level."""
    draws = sorted({estimate.replicates for estimate in estimates})
    n = f"{draws[0]}" if len(draws) == 1 else f"{draws[0]} to {draws[-1]}" if draws else "no"
    opened = any(not estimate.low or math.isinf(estimate.high) for estimate in estimates)
    if all(math.isnan(estimate.low) for estimate in estimates):
        return levels.counted(n, level)
    return (
        f"95 % intervals over {levels.counted(n, level)}. Dashed: samples are worth as many real "
        f"images as their diffusion model saw.{' An arrow is an open end.' * opened}"
    )


def _losses(ax: Axes, curve: Curve, marker: str) -> None:
    colour = style.source_colour(curve.source)
    measured = [column[~np.isnan(column)] for column in curve.y.T]
    mean = [column.mean() if len(column) else math.nan for column in measured]
    half = [
        float(t_half_width(c, overlap=curve.overlap_at(index))) if len(c) >= FEW_SEEDS else math.nan
        for index, c in enumerate(measured)
    ]
    ax.errorbar(curve.sizes, mean, half, fmt=f"{marker}-", color=colour, elinewidth=0.8)


def _worth(ax: Axes, estimates: list[Worth], shift: float, marker: str | None) -> None:
    """Draws intervals of what samples are worth; an open end is an arrow."""
    colour = style.source_colour("dmaapx")
    for estimate in estimates:
        if math.isnan(estimate.low):
            continue
        x = estimate.size * shift
        low, high = estimate.low or estimate.size / 4, min(estimate.high, estimate.size * 16)
        ax.plot([x, x], [low / estimate.size, high / estimate.size], color=colour, linewidth=0.9)
        if math.isinf(estimate.high):
            ax.plot([x], [high / estimate.size], "^", color=colour, fillstyle="none")
        if not estimate.low:
            ax.plot([x], [low / estimate.size], "v", color=colour, fillstyle="none")
        if not math.isnan(estimate.images):
            ax.plot([x], [estimate.times], marker or "o", color=colour)


def _in_tex(name: str) -> str:
    """Formats a width as other figures do: $n_c=8$ for n_c=8."""
    parts = (word.partition("=") for word in name.split(", "))
    return ", ".join(
        f"${n}={value}$" if n in ("m_z", "n_c") else f"{n}={value}" for n, _, value in parts
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
