"""Draws train and test ELBO at the end of training against one axis, for Figures 4, 15, 16."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import marks, methods
from analysis.figures.panels import Looks
from analysis.statistics.intervals import FEW_SEEDS

METRICS: dict[str, tuple[str, style.Line]] = {  # label and style
    "test_elbo": (r"$D_\mathrm{test}$", "-"),
    "train_elbo": (r"$D_\mathrm{train}$", "--"),
}
HEIGHT = 3.4  # inches


def numbers(trials: pd.DataFrame, axis: str, needs: str) -> pd.DataFrame:
    """Returns last ELBOs in nats per image over seeds, a row per metric, line and value of `axis`.

    `axis` is missing for lines that are drawn horizontally. Raises ResultsError(needs) if nothing
    is finished at a value of the axis.
    """
    if not (trials[axis].notna() & (trials["state"] == "done")).any():
        raise ResultsError(needs)
    rows = lines.drawn(trials, ["line", axis])
    tables = [
        lines.at_the_end(part, metric, place).assign(metric=metric)
        for metric in METRICS
        for place, part in [
            (["line", axis], rows[rows[axis].notna()]),
            (["line"], rows[rows[axis].isna()]),
        ]
        if len(part)
    ]
    table = pd.concat(tables, ignore_index=True)
    first = ["metric", "line", axis, "epoch"]
    return table[[*first, *table.columns.drop(first)]]


def draw(ax: Axes, table: pd.DataFrame, axis: str, looks: Looks) -> None:
    """Draws test ELBOs solid and train ELBOs dashed; lines without axis values are horizontal."""
    ax.set_ylabel(style.LABELS["elbo"])
    for metric, (_, look) in METRICS.items():
        for line, part in table[table["metric"] == metric].groupby("line"):
            line_look, points = looks[str(line)], part[part[axis].notna()].sort_values(axis)
            if len(points):
                x = points[axis].astype(float)
                marks.series(ax, x, points, line_look.colour, f"{line_look.marker}{look}")
            _horizontals(ax, part[part[axis].isna()], line_look.colour, look)


def _horizontals(ax: Axes, table: pd.DataFrame, colour: str, look: style.Line) -> None:
    for mean, low, high, n in table[["mean", "low", "high", "n"]].to_numpy(dtype=float):
        ax.axhline(mean, color=colour, linestyle=look, linewidth=1.0, zorder=1.5)
        if n >= FEW_SEEDS:
            ax.axhspan(low, high, color=colour, alpha=0.12, linewidth=0, zorder=1)


def figure(
    table: pd.DataFrame,
    trials: pd.DataFrame,
    title: str,
    looks: Looks,
    notes: Sequence[str],
    more: Sequence[Line2D] = (),
) -> tuple[Figure, Axes]:
    """Returns a figure with an empty panel, heading and notes; `more` handles come last."""
    canvas = Figure(figsize=(style.inches(style.NARROW), HEIGHT), layout="constrained")
    present = {line: look for line, look in looks.items() if line in set(table["line"])}
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, label=look.label)
        for look in present.values()
    ]
    handles += [
        Line2D([], [], color=style.GREY, linestyle=look, label=label)
        for label, look in METRICS.values()
    ]
    marks.heading(canvas, [*handles, *more], f"{title}\n{methods.setting(trials)}")
    marks.note(canvas, [marks.counted(table, table), *notes])
    return canvas, canvas.subplots()
