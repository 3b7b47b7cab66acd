"""Noise of draws: each draw's test loss minus the mean of its cell, and standard deviations."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.special import chdtri

from analysis import curves, style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.statistics.intervals import FEW_SEEDS, LEVEL, over_seeds

PLACE = ["source", "m_z", "n_c"]
MOST = 2  # largest number of sources drawn
TITLE = "Noise: differences between draws of one model"


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns standard deviations of test ELBOs (nats per image), a row per source and (m_z, n_c).

    Cells have three draws or more. `sd_low` and `sd_high` are the 95 % interval (chi squared,
    normal noise assumed); `mean`, `low`, `high` and the draws' values are of the negative test
    ELBO. Raises ResultsError if no cell has three draws.
    """
    finals = curves.final(frame)
    finals = finals[finals["source"].isin(curves.sources(frame)[:MOST])]
    if "test_elbo" not in finals:
        finals = finals.assign(test_elbo=np.nan)
    finals["negative_test_elbo"] = -finals["test_elbo"].astype(float)
    table = over_seeds(finals, PLACE, "negative_test_elbo") if len(finals) else finals
    table = table[table["n"] >= FEW_SEEDS].reset_index(drop=True) if "n" in table else table[:0]
    if table.empty:
        raise ResultsError(
            "The noise of draws needs three finished draws of one (m_z, n_c). "
            "Run the study with --replicates 0-2."
        )
    free = table["n"] - 1
    spread = marks.seed_values(table).std(axis=1, ddof=1)
    tail = (1 - LEVEL) / 2
    table.insert(3, "sd", spread)
    table.insert(4, "sd_low", spread * np.sqrt(free / chdtri(free, tail)))
    table.insert(5, "sd_high", spread * np.sqrt(free / chdtri(free, 1 - tail)))
    return table.sort_values(PLACE, ignore_index=True)


def noise(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws (a) each draw minus its cell's mean, (b) standard deviations on a log axis."""
    table = numbers(frame)
    sources = [name for name in curves.sources(frame) if name in set(table["source"])]
    cells = sorted({*table[["m_z", "n_c"]].itertuples(index=False, name=None)})
    figure = Figure(figsize=(style.inches(style.WIDE), 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, source in enumerate(sources):
        rows = table[table["source"] == source]
        places = [cells.index(c) for c in rows[["m_z", "n_c"]].itertuples(index=False, name=None)]
        x = np.array(places) + SIDE * (index - (len(sources) - 1) / 2)
        colour, marker = style.source_colour(source), style.source_marker(source)
        residuals = marks.seed_values(rows).to_numpy(dtype=float) - rows[["mean"]].to_numpy()
        left.plot(np.repeat(x, residuals.shape[1]), residuals.ravel(), marker, color=colour,
                  alpha=0.7, markersize=3, markeredgewidth=0)  # fmt: skip
        bars = [rows["sd"] - rows["sd_low"], rows["sd_high"] - rows["sd"]]
        right.errorbar(x, rows["sd"], bars, fmt=marker, color=colour, elinewidth=0.8)
    left.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=1)
    left.set_ylabel("draw minus mean of its cell\n(nats per image)")
    right.set_ylabel("standard deviation of draws\n(nats per image)")
    right.set_yscale("log")
    right.yaxis.set_major_formatter("{x:g}")
    for ax, letter in ((left, "(a)"), (right, "(b)")):
        marks.title(ax, letter)
        ax.set_xticks(range(len(cells)), [f"{m_z}\n{n_c}" for m_z, n_c in cells])
        ax.set_xlabel("$m_z$ above $n_c$")
        if len(cells) > MANY:
            ax.tick_params(axis="x", labelsize=style.SMALLEST)
    handles = [
        Line2D([], [], color=style.source_colour(name), marker=style.source_marker(name),
               linestyle="", label=style.source_label(name))
        for name in sources
    ]  # fmt: skip
    marks.heading(figure, handles, marks.with_data(TITLE, frame))
    legend = (
        f"{marks.draws(table)}; (b) sd with 95 % interval (chi squared, normal noise assumed); "
        "cells with fewer than three draws are left out"
    )
    marks.note(figure, [legend, note])
    return figure


SIDE, MANY = 0.25, 10  # distance between sources in cells; with more cells tick labels are small
