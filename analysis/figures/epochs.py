"""ELBO over epochs and widths, which shows whether a peak over n_c exists at every epoch."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis import curves, style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.statistics import levels
from analysis.statistics.intervals import over_seeds

METRICS = {"validation_elbo": "validation images", "test_elbo": "test images"}
PLACE = ["metric", "m_z", "n_c", "epoch"]
LEAST = 0.2  # quantile of the values below which all have the same colour


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns negative ELBOs in nats per image, a row per metric, n_c and epoch.

    They are those of normal training (or the first other source) at the smallest m_z, at epochs
    that all trials of a width have. `best` marks each width's epoch of the lowest mean. Raises
    ResultsError if fewer than two widths or epochs are measured.
    """
    trials = _trials(frame)
    tables = [
        over_seeds(trials.assign(negative=-trials[metric], metric=metric), PLACE, "negative")
        for metric in METRICS
        if metric in trials and trials[metric].notna().any()
    ]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=PLACE)
    if table.empty or table["n_c"].nunique() < 2 or table["epoch"].nunique() < 2:
        raise ResultsError(
            "The picture over epochs and widths needs ELBOs at two n_c and two epochs. "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    most = table.groupby(["metric", "n_c"])["n"].transform("max")
    table = table[table["n"] == most].reset_index(drop=True)
    lowest = table.groupby(["metric", "n_c"])["mean"].transform("min")
    table.insert(len(PLACE), "best", table["mean"] == lowest)
    return table


def _trials(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects the rows of finished trials at the smallest m_z that has two n_c or more."""
    finals = curves.final(frame)
    finals = finals[finals["source"] == curves.lead(frame)]
    widths = finals.groupby("m_z")["n_c"].nunique()
    wide = widths[widths > 1]
    if wide.empty:
        raise ResultsError(
            "The picture over epochs and widths needs two n_c of one m_z. "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    keys = finals.loc[finals["m_z"] == wide.index.min(), "key"]
    return levels.settle(frame[frame["key"].isin(keys)])


def epochs(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per set of images: ELBO as colour over n_c and epochs, dots at best epochs."""
    table = numbers(frame)
    metrics = [name for name in METRICS if name in set(table["metric"])]
    figure = Figure(figsize=(style.inches(style.WIDE if len(metrics) > 1 else style.NARROW), 3.2),
                    layout="constrained")  # fmt: skip
    axes = figure.subplots(1, len(metrics), squeeze=False)[0]
    for index, (ax, metric) in enumerate(zip(axes, metrics, strict=True)):
        rows = table[table["metric"] == metric]
        _panel(ax, rows, figure)
        ax.set_title(f"({'ab'[index]}) {METRICS[metric]}", loc="left", fontweight="bold")
    figure.suptitle(marks.with_data("ELBO by width and epoch", frame), fontsize=8)
    absent = "" if len(metrics) > 1 else "validation_elbo is not measured in these results"
    dots = "dots: each width's best epoch, on average; darkest: that ELBO or a lower one"
    level = f"$m_z={table['m_z'].iloc[0]}$; means over {marks.draws(table)}"
    marks.note(figure, [level, dots, absent, note])
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, figure: Figure) -> None:
    """Draws a panel whose colours end at a quantile: the first epochs would flatten the rest.

    Each measured epoch is a band that reaches halfway to its neighbours: rows are closer together
    at the end of training than before.
    """
    grid = rows.pivot(index="epoch", columns="n_c", values="mean")
    values = grid.to_numpy(dtype=float)
    finite = -values[np.isfinite(values)]
    low = float(np.quantile(finite, LEAST))
    x, y = np.arange(len(grid.columns)), grid.index.to_numpy(dtype=float)
    mesh = ax.pcolormesh(x, y, -values, shading="nearest", cmap="viridis", vmin=low)
    best = rows[rows["best"]]
    across = grid.columns.get_indexer(pd.Index(best["n_c"]))
    ax.plot(across, best["epoch"], "o", color="white", markeredgecolor="black", markersize=4,
            clip_on=False)  # fmt: skip
    ax.set_xticks(x, [str(n_c) for n_c in grid.columns])
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(style.LABELS["n_c"])
    ax.set_ylabel(style.LABELS["epoch"])
    figure.colorbar(mesh, ax=ax, label=style.LABELS["elbo"], extend="min")
