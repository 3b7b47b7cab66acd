"""Figure 18: how well a classifier tells diffusion samples from real images (Appendix D.3)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, levels, style
from analysis.figures import marks, methods
from analysis.intervals import over_seeds
from analysis.trial_folder import ResultsError

AXIS = "diffusion_percent"
PAPER = 1.96  # standard deviations of the paper's error bars
CHANCE = 0.5
COLOUR = style.SOURCE_COLOURS["dmaapx"]


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per share (%): accuracy over seeds, and their standard deviation (n - 1)."""
    finals = _finals(frame)
    table = over_seeds(finals, [AXIS], "accuracy")
    table["std"] = marks.seed_values(table).std(axis=1, ddof=1)
    return table.merge(finals.groupby(AXIS)["epoch"].max().reset_index(), on=AXIS)


def fig18(frame: pd.DataFrame, note: str = "") -> Figure:
    """Accuracy against the share of D_train: seeds, mean, the paper's bars, chance."""
    table, found = numbers(frame), _finals(frame)
    figure = Figure(figsize=(style.NARROW, 3.2), layout="constrained")
    ax = figure.subplots()
    x = table[AXIS].to_numpy(dtype=float)
    ax.errorbar(
        x,
        table["mean"],
        PAPER * table["std"],
        fmt="none",
        ecolor=COLOUR,
        capsize=4,
        elinewidth=0.6,
        capthick=0.6,
    )
    marks.series(ax, x, table, COLOUR, "o-")
    ax.axhline(CHANCE, color=style.GREY, linestyle=":", linewidth=0.9)
    ax.set(xlabel=style.LABELS[AXIS], ylabel=style.LABELS["accuracy"])
    ax.set_xticks(x)
    words = f"bars with caps: {PAPER} standard deviations of the draws, as in the paper"
    marks.note(figure, [marks.counted(table, table), words, note])
    handles = [
        Line2D([], [], color=COLOUR, marker="o", label="ResNet classifier"),
        Line2D([], [], color=style.GREY, linestyle=":", linewidth=0.9, label="chance"),
    ]
    marks.heading(
        figure,
        handles,
        f"How well a classifier tells samples from real images\n{methods.data(found)}",
    )
    return figure


def _finals(frame: pd.DataFrame) -> pd.DataFrame:
    """The finished classifiers' last accuracies; ResultsError where there are none."""
    found = frame[(frame["kind"] == "two_sample") & (frame["state"] == "done")]
    if found.empty:
        raise ResultsError(
            "Figure 18 needs classifiers of real images and samples, and none is finished here. "
            "Run scaling-vae study two_sample."
        )
    finals = curves.last_values(found)
    finals = finals.assign(**{AXIS: np.round(100 * finals["share"].astype(float), 6)})
    curves.check_one_trial_each(finals, [AXIS, "seed"])
    return levels.settle(finals)
