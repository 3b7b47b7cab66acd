"""Figure 18: accuracy of classifying diffusion samples against real images (Appendix D.3)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, style
from analysis.errors import ResultsError
from analysis.figures import marks, methods
from analysis.statistics import levels
from analysis.statistics.intervals import over_seeds

AXIS = "diffusion_percent"
PAPER = 1.96  # standard deviations of the paper's error bars
CHANCE = 0.5
REAL: dict[str, tuple[str, str, str]] = {  # real images: colour, line, label
    "train": (style.SOURCE_COLOURS["dmaapx"], "o-", "against the model's training images"),
    "test": (style.SOURCE_COLOURS["normal"], "s--", "against test images"),
}


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns accuracies with standard deviations (n - 1), a row per real images and share (%).

    Each draw of data and model is one value, the mean over its seeds; without draws each seed is
    one. Raises ResultsError without finished classifiers.
    """
    finals = _finals(frame)
    table = over_seeds(finals, ["real", AXIS], "accuracy")
    table["std"] = marks.seed_values(table).std(axis=1, ddof=1)
    ends = finals.groupby(["real", AXIS])["epoch"].max().reset_index()
    merged = table.merge(ends, on=["real", AXIS])
    return merged.sort_values(["real", AXIS], ascending=[False, True], ignore_index=True)


def fig18(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws accuracy against the share of D_train: draws, mean, the paper's bars, chance."""
    table, finals = numbers(frame), _finals(frame)
    figure = Figure(figsize=(style.inches(style.NARROW), 3.4), layout="constrained")
    ax, handles = figure.subplots(), []
    for real, (colour, look, label) in REAL.items():
        part = table[table["real"] == real]
        if len(part):
            _line(ax, part, colour, look)
            handles.append(Line2D([], [], color=colour, marker=look[0], ls=look[1:], label=label))
    ax.axhline(CHANCE, color=style.GREY, linestyle=":", linewidth=0.9)
    ax.set(xlabel=style.LABELS[AXIS], ylabel=style.LABELS["accuracy"])
    ax.set_xticks(sorted(table[AXIS].astype(float).unique()))
    text = f"{marks.draws(table)} (dots), their mean; bars: {PAPER} standard deviations, as in the"
    text += f" paper; {marks.span(table['epoch'])} epochs"
    copies = "copies of training images lower the accuracy against those, not against test images; "
    copies += "if dots are on both sides of 0.5, samples are not shown to be distinguishable"
    marks.note(figure, [text, copies, note])
    handles.append(Line2D([], [], color=style.GREY, linestyle=":", linewidth=0.9, label="chance"))
    title = "Accuracy of classifying samples against real images"
    marks.heading(figure, handles, f"{title}\n{methods.data(finals)}")
    return figure


def _line(ax: Axes, table: pd.DataFrame, colour: str, look: str) -> None:
    x = table[AXIS].to_numpy(dtype=float)
    ax.errorbar(
        x,
        table["mean"],
        PAPER * table["std"],
        fmt="none",
        ecolor=colour,
        capsize=4,
        elinewidth=0.6,
        capthick=0.6,
    )
    ax.plot(x, table["mean"], look, color=colour, zorder=3)
    marks.dots(ax, x, table, colour)


def _finals(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the finished classifiers' last accuracies; ResultsError if there are none."""
    trials = frame[(frame["kind"] == "two_sample") & (frame["state"] == "done")]
    if trials.empty:
        raise ResultsError(
            "Figure 18 needs classifiers of real images and samples, and none is finished here. "
            "Run scaling-vae study two_sample."
        )
    finals = curves.last_values(trials)
    real = finals["real"].fillna("train") if "real" in finals else "train"
    finals = finals.assign(**{AXIS: np.round(100 * finals["share"].astype(float), 6), "real": real})
    chance = [name for name in ("replicate", "seed") if name in finals]
    curves.check_one_trial_each(finals, [AXIS, "real", *chance])
    return levels.settle(finals)
