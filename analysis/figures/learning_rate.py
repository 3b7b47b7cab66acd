"""Validation ELBO over the learning rate in each (m_z, n_c), and a table of the best rates."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import learning_rate as rates
from analysis import style
from analysis.figures import marks
from analysis.statistics import levels

PANEL = 2.1  # inches per row of panels
ACROSS = 3  # panels per row


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns mean validation ELBOs in nats per image, a row per source, (m_z, n_c) and lr.

    Means are over replicates. `behind` is the distance to the best rate of the cell; `best` marks
    that rate, and `edge` says whether it is the smallest (low) or largest (high) one tried.
    """
    winners = rates.best(frame)
    best = {tuple(row[n] for n in rates.CELL): row for row in winners.to_dict("records")}
    rows = []
    for place, part in rates.scores(frame).groupby([*rates.CELL, "lr"]):
        *cell, lr = place
        interval, winner = rates.interval(part), best[tuple(cell)]
        row = dict(zip([*rates.CELL, "lr"], place, strict=True))
        row |= {"mean": interval.mean, "low": interval.low, "high": interval.high}
        row |= {"n": interval.n, "behind": float(winner["mean"]) - interval.mean}
        won = lr == winner["lr"]
        rows.append(row | {"best": won, "edge": winner["edge"] if won else ""})
    return pd.DataFrame(rows)


def text(frame: pd.DataFrame, suffix: str = "txt") -> list[str]:
    """Returns the table's lines and warnings: aligned (txt), Markdown (md) or LaTeX (tex)."""
    table = rates.best(frame)
    if suffix == "txt":
        return rates.lines(table)
    head, *cells = rates.cells(table)
    if suffix == "md":
        lined = [head, ["---"] * len(head), *cells]
        rows = ["| " + " | ".join(row) + " |" for row in lined]
        return [*rows, "", *rates.warnings(table)]
    body = [" & ".join(row).replace("_", r"\_") + r" \\" for row in [head, *cells]]
    start, end = rf"\begin{{tabular}}{{{'l' * len(head)}}}", r"\end{tabular}"
    return [start, *body, end, *(f"% {line}" for line in rates.warnings(table))]


def learning_rate(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per source and m_z with a line per n_c; rings are best rates, crosses edges."""
    table = numbers(frame)
    groups = list(table.groupby(["source", "m_z"]))
    across, down = min(ACROSS, len(groups)), math.ceil(len(groups) / ACROSS)
    width = style.inches(style.WIDE if across > 1 else style.NARROW)
    figure = Figure(figsize=(width, PANEL * down + 1.0), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    colours = style.m_z_colours(table["n_c"])
    for ax, ((source, m_z), part) in zip(panels, groups, strict=False):
        for n_c, line in part.groupby("n_c"):
            colour = colours[int(str(n_c))]
            ax.plot(line["lr"], line["mean"], "o-", color=colour)
            best = line[line["best"]]
            shape = "x" if best["edge"].iloc[0] else "o"
            (ring,) = ax.plot(best["lr"], best["mean"], shape, color="#d55e00", zorder=4)
            ring.set(markersize=2 * marks.CLEAR, markerfacecolor="none")
        ax.set_xscale("log")
        ax.set_title(f"{style.source_label(str(source))}, $m_z={m_z}$", loc="left")
        ax.set_xlabel("learning rate")
    for ax in panels[len(groups) :]:
        ax.axis("off")
    for ax in panels[::across]:
        ax.set_ylabel("validation ELBO\n(nats per image)")
    handles = [Line2D([], [], color=c, marker="o", label=f"$n_c={n}$") for n, c in colours.items()]
    title = "Rings: best by validation; crosses: best, but at an edge"
    marks.heading(figure, handles, marks.with_data(title, frame))
    settled = levels.settle(frame[frame["kind"] == "vae"])
    counted = levels.counted(marks.span(table["n"]), levels.level_of(settled))
    marks.note(figure, [f"means over {counted}", note])
    return figure
