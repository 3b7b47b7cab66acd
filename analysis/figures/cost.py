"""Test loss over training time: a line for each width, and the lowest loss reached by each time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.statistics import levels
from analysis.statistics.intervals import over_seeds

PLACE = ["source", "m_z", "n_c", "epoch"]
MOST = 2  # largest number of sources drawn


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns negative test ELBOs in nats per image, a row per source, m_z, n_c and epoch.

    `seconds` is the mean training time until then, without measuring; `front` marks rows that no
    other row beats in both time and loss. Raises ResultsError if no time is recorded.
    """
    finals = curves.final(frame)
    trials = levels.settle(frame[frame["key"].isin(finals["key"])])
    trials = trials[trials["source"].isin(curves.sources(frame)[:MOST])]
    needed = ["seconds", "test_elbo"]
    if not set(needed) <= set(trials) or trials.dropna(subset=needed).empty:
        raise ResultsError(
            "Loss over training time needs seconds and test_elbo, which these results lack. "
            "Run a study: scaling-vae study double_descent."
        )
    trials = trials.dropna(subset=needed)
    table = over_seeds(
        trials.assign(negative=-trials["test_elbo"].astype(float)), PLACE, "negative"
    )
    times = trials.groupby(PLACE)["seconds"].mean()
    table.insert(4, "seconds", times.reindex(pd.MultiIndex.from_frame(table[PLACE])).to_numpy())
    most = table.groupby(PLACE[:3])["n"].transform("max")
    table = table[table["n"] == most].sort_values("seconds", ignore_index=True)
    table["front"] = table["mean"] < table["mean"].cummin().shift(fill_value=np.inf)
    return table


def cost(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per source, with seconds on a log axis and the common front as stairs."""
    table = numbers(frame)
    sources = [name for name in curves.sources(frame) if name in set(table["source"])]
    width = style.inches(style.WIDE if len(sources) > 1 else style.NARROW)
    figure = Figure(figsize=(width, 3.7), layout="constrained")
    axes = figure.subplots(1, len(sources), squeeze=False, sharey=True, sharex=True)[0]
    colours = style.m_z_colours(table["n_c"])
    marked = {n_c: style.MARKERS[index % len(style.MARKERS)] for index, n_c in enumerate(colours)}
    for ax, source in zip(axes, sources, strict=True):
        for (_, n_c), part in table[table["source"] == source].groupby(["m_z", "n_c"]):
            width_of = int(str(n_c))
            ax.plot(part["seconds"], part["mean"], "-", color=colours[width_of], linewidth=1.0,
                    marker=marked[width_of], markevery=[-1])  # fmt: skip
        _front(ax, table)
        marks.title(ax, style.source_label(source))
        ax.set_xscale("log")
        ax.set_xlabel("training time of one model (s)")
    late = table[table["epoch"] > 0.25 * table["epoch"].max()]["mean"]
    low, high = float(table["mean"].min()), float(np.quantile(late, 0.98))
    axes[0].set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    axes[0].set_ylabel("negative test ELBO\n(nats per image)")
    handles = [
        Line2D([], [], color=colour, marker=marked[n_c], label=f"$n_c={n_c}$")
        for n_c, colour in colours.items()
    ]
    handles.append(Line2D([], [], color="black", linestyle=":", label="lowest by that time"))
    marks.heading(figure, handles, marks.with_data("Test loss over training time", frame))
    legend = (
        f"Means over {marks.draws(table)}, a line per $(m_z, n_c)$, marked at its end; dotted: the "
        "lowest mean of all lines reached by that time; the time for diffusion models and their "
        "samples is not included"
    )
    marks.note(figure, [legend, note])
    return figure


def _front(ax: Axes, table: pd.DataFrame) -> None:
    """Draws stairs through the rows of the front."""
    best = table[table["front"]]
    seconds = [*best["seconds"], float(table["seconds"].max())]
    ax.step(seconds, [*best["mean"], float(best["mean"].iloc[-1])], where="post", color="black",
            linestyle=":", linewidth=1.2, zorder=4)  # fmt: skip
