"""Draws laws: measured losses, fitted curves with bands, held-out sizes, loss over compute."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import figures, style
from analysis.columns import ROW_COLUMNS
from analysis.figures import layout, marks
from analysis.laws import frames
from analysis.laws.frames import Variables
from analysis.laws.law import Curve, Law, Refusal
from analysis.statistics.intervals import FEW_SEEDS, t_half_width

Outcomes = Sequence[Law | Refusal]
MARKERS = "os^vD<>P"
POINTS = 100  # points of a drawn curve


def numbers(outcomes: Outcomes, what: Variables) -> pd.DataFrame:
    """Returns a row per curve and size: mean loss, its 95 % t interval, the law and its band.

    `role` distinguishes sizes that were fitted, those held out to check the extrapolation, and
    those beyond the turn. Columns of the law are missing for a curve without one.
    """
    tables = []
    for outcome in outcomes:
        curve = outcome.curve
        mean = [np.nanmean(c) if (~np.isnan(c)).any() else np.nan for c in curve.y.T]
        half = t_half_width(curve.y.T, overlap=np.array(curve.overlaps or 0.0))
        table = pd.DataFrame({"curve": curve.name, "source": curve.source, what.x: curve.sizes})
        table = table.assign(loss=what.loss, mean=mean, low=mean - half, high=mean + half)
        table = table.assign(n=(~np.isnan(curve.y)).sum(axis=0))
        if isinstance(outcome, Law):
            low, high = outcome.band(curve.sizes)
            table = table.assign(law=outcome.fit(curve.sizes), law_low=low, law_high=high)
            predictions = {h.size: h.predicted for h in outcome.held_out}
            table["predicted"] = [predictions.get(size, np.nan) for size in curve.sizes]
            roles = ["held out" if size in predictions else "fitted" for size in curve.sizes]
            roles[outcome.used :] = ["beyond the turn"] * (len(roles) - outcome.used)
            table = table.assign(role=roles, exponent=outcome.exponent.mean)
            table = table.assign(
                exponent_low=outcome.exponent.low, exponent_high=outcome.exponent.high
            )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def draw(outcomes: Outcomes, what: Variables, compute: pd.DataFrame, note: str = "") -> Figure:
    """Draws the loss against x with laws on the left, and over training FLOPs on the right."""
    shown = [outcome for outcome in outcomes if len(outcome.curve.sizes) > 1]
    figure = Figure(figsize=(style.WIDE, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _x_axis(left, shown, what)
    for ax in (left, right):  # their scales differ
        ax.set_ylabel(_y_label(what))
    for outcome, marker in zip(shown, _markers(shown), strict=True):
        _curve(left, outcome, marker)
    marks.title(left, "(a)")
    marks.title(right, "(b)")
    _compute(right, compute)
    handles = [
        Line2D([], [], color=style.source_colour(o.curve.source), marker=m, label=_label(o))
        for o, m in zip(shown, _markers(shown), strict=True)
    ]
    handles.append(
        Line2D(
            [], [], color=style.GREY, marker="o", fillstyle="none", linestyle="", label="held out"
        )
    )
    across = layout.columns([str(handle.get_label()) for handle in handles], figure, 3)
    figure.legend(handles=handles, loc="outside upper center", ncols=across)
    refused = [f"{o.curve.name}: no law, {o.sentence}" for o in shown if isinstance(o, Refusal)]
    bands = (
        "(a) Bands: 95 % interval of the law; dotted: fit without the held-out sizes; cross: its "
        "prediction. (b) Thin: mean of each size over its epochs."
    )
    ended = "\N{MULTIPLICATION SIGN}: trials that ended early, not part of any mean."
    ended = ended if any(outcome.curve.stopped for outcome in shown) else ""
    marks.note(figure, [bands, *refused, ended, note])
    return figure


def save(
    outcomes: Outcomes, what: Variables, compute: pd.DataFrame, files: Sequence[Path], note: str
) -> None:
    """Writes the figure, or for .csv its numbers, as `figures.write` does."""
    figures.write(
        files, lambda: draw(outcomes, what, compute, note), lambda: numbers(outcomes, what)
    )


def _y_label(what: Variables) -> str:
    """Returns the label of a loss's axis, as in: negative test ELBO (nats per image)."""
    if what.loss == what.y and what.y in style.LABELS:
        return style.LABELS[what.y]
    name = f"negative {what.y}" if what.loss != what.y else what.y
    text = name.replace("_", " ").replace("elbo", "ELBO")
    return f"{text}\n({ROW_COLUMNS[what.y][0]})"


def _x_axis(ax: Axes, outcomes: Outcomes, what: Variables) -> None:
    """Makes the x axis logarithmic; sizes that a study chose are its ticks."""
    column = frames.AXES[what.x][0]
    if column in frames.FIELDS:
        sizes = {int(size) for outcome in outcomes for size in outcome.curve.sizes}
        marks.log2_axis(ax, sorted(sizes), column)
        return
    ax.set_xscale("log")
    ax.set_xlabel("training FLOPs" if what.x == "flops" else style.LABELS[what.x])


def _markers(outcomes: Outcomes) -> list[str]:
    return [MARKERS[index % len(MARKERS)] for index in range(len(outcomes))]


def _label(outcome: Law | Refusal) -> str:
    name = outcome.curve.name.replace(
        outcome.curve.source, style.source_label(outcome.curve.source), 1
    )
    name = name.replace("m_z=", "$m_z$=").replace("n_c=", "$n_c$=")
    if isinstance(outcome, Refusal):
        return f"{name}: no law"
    ends = outcome.exponent
    text = f"{name}: $\\alpha$ = {ends.mean:.2g}"
    return text + (f" [{ends.low:.2g}, {ends.high:.2g}]" if ends.n >= FEW_SEEDS else "")


def _curve(ax: Axes, outcome: Law | Refusal, marker: str) -> None:
    curve, colour = outcome.curve, style.source_colour(outcome.curve.source)
    _measured(ax, curve, outcome, marker, colour)
    marks.stopped(ax, sorted(set(curve.stopped)), colour)
    if not isinstance(outcome, Law):
        return
    x = np.geomspace(curve.sizes[0], curve.sizes[-1], POINTS)
    inside = x <= curve.sizes[outcome.used - 1] * 1.001
    ax.plot(x[inside], outcome.fit(x[inside]), color=colour)
    low, high = outcome.band(x[inside])
    ax.fill_between(x[inside], low, high, color=colour, alpha=0.16, linewidth=0)
    for prediction in outcome.held_out:
        ax.plot(
            [prediction.size], [prediction.predicted], "x", color=colour, markersize=5, zorder=4
        )
    if outcome.held_out:
        ax.plot(x[inside], outcome.rollout(x[inside]), ":", color=colour, linewidth=1.0)


def _measured(ax: Axes, curve: Curve, outcome: Law | Refusal, marker: str, colour: str) -> None:
    """Draws means, with t intervals if n >= 3; markers of held-out sizes are hollow."""
    fresh = (
        {prediction.size for prediction in outcome.held_out} if isinstance(outcome, Law) else set()
    )
    for index, (size, column) in enumerate(zip(curve.sizes, curve.y.T, strict=True)):
        y = column[~np.isnan(column)]
        if not len(y):
            continue
        overlap = curve.overlap_at(index)
        half = float(t_half_width(y, overlap=overlap)) if len(y) >= FEW_SEEDS else 0.0
        fill = "none" if size in fresh else "full"
        ax.errorbar([size], [y.mean()], half or None, fmt=marker, color=colour, fillstyle=fill,
                    elinewidth=0.8, zorder=3)  # fmt: skip


def _compute(ax: Axes, table: pd.DataFrame) -> None:
    """Draws a thin line per size over its epochs, and the least loss of all for the compute."""
    if table.empty:
        marks.empty(ax, "training FLOPs not recorded")
        return
    ax.set_xscale("log")
    ax.set_xlabel("training FLOPs so far")
    by = ["source", *(name for name in frames.FIELDS if name in table)]
    for (source, *_), part in table.groupby(by, dropna=False):
        colour = style.source_colour(str(source))
        ax.plot(part["training_flops"], part["loss"], "-", color=colour, linewidth=0.6, alpha=0.5)
    for source, part in frames.frontier(table).groupby("source"):
        colour = style.source_colour(str(source))
        ax.step(part["training_flops"], part["loss"], where="post", color=colour, linewidth=1.6)
    low, high = (float(table["loss"].quantile(share)) for share in (0.0, 0.9))
    ax.set_ylim(low - 0.08 * (high - low or 1.0), high)  # first epochs may lose ten times as much
    ax.set_xlim(left=table["training_flops"][table["loss"] <= high].min() / 1.5)
    ax.set_title("thick: least loss for the compute", loc="right", **style.NOTE)
