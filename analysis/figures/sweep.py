"""Draws train and test ELBO at the end of training against one axis, for Figures 4, 15, 16."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import lines, style
from analysis.figures import marks, methods
from analysis.figures.panels import Looks
from analysis.intervals import FEW_SEEDS
from analysis.trial_folder import ResultsError

METRICS: dict[str, tuple[str, style.Line]] = {  # label and style
    "test_elbo": (r"$D_\mathrm{test}$", "-"),
    "train_elbo": (r"$D_\mathrm{train}$", "--"),
}
HEIGHT = 3.4  # inches


def numbers(found: pd.DataFrame, axis: str, needs: str) -> pd.DataFrame:
    """Returns last ELBOs in nats per image over seeds, a row per metric, line and value of `axis`.

    `axis` is missing for lines that are drawn horizontally. Raises ResultsError(needs) if nothing
    is finished at a value of the axis.
    """
    if not (found[axis].notna() & (found["state"] == "done")).any():
        raise ResultsError(needs)
    kept = lines.drawn(found, ["line", axis])
    tables = [
        lines.at_the_end(part, metric, place).assign(metric=metric)
        for metric in METRICS
        for place, part in [
            (["line", axis], kept[kept[axis].notna()]),
            (["line"], kept[kept[axis].isna()]),
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
            shown, along = looks[str(line)], part[part[axis].notna()].sort_values(axis)
            if len(along):
                x = along[axis].astype(float)
                marks.series(ax, x, along, shown.colour, f"{shown.marker}{look}")
            _horizontals(ax, part[part[axis].isna()], shown.colour, look)


def _horizontals(ax: Axes, table: pd.DataFrame, colour: str, look: style.Line) -> None:
    for mean, low, high, n in table[["mean", "low", "high", "n"]].to_numpy(dtype=float):
        ax.axhline(mean, color=colour, linestyle=look, linewidth=1.0, zorder=1.5)
        if n >= FEW_SEEDS:
            ax.axhspan(low, high, color=colour, alpha=0.12, linewidth=0, zorder=1)


def figure(
    table: pd.DataFrame,
    found: pd.DataFrame,
    title: str,
    looks: Looks,
    notes: Sequence[str],
    more: Sequence[Line2D] = (),
) -> tuple[Figure, Axes]:
    """Returns a figure with an empty panel, heading and notes; `more` handles come last."""
    made = Figure(figsize=(style.inches(style.NARROW), HEIGHT), layout="constrained")
    shown = {line: look for line, look in looks.items() if line in set(table["line"])}
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, label=look.label)
        for look in shown.values()
    ]
    handles += [
        Line2D([], [], color=style.GREY, linestyle=look, label=words)
        for words, look in METRICS.values()
    ]
    marks.heading(made, [*handles, *more], f"{title}\n{methods.setting(found)}")
    marks.note(made, [marks.counted(table, table), *notes])
    return made, made.subplots()
