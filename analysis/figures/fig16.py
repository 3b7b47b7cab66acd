"""Figure 16: VAEs on samples of diffusion models that saw a share of D_train (Appendix B.8)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import marks, panels, sweep

AXIS = "diffusion_percent"
LOOKS = panels.looks(["normal", "dmaapx"])
NEEDS = (
    "Figure 16 needs VAEs on samples of diffusion models that saw shares of the data. "
    "Run scaling-vae study diffusion_subsets."
)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns ELBOs in nats per image, a row per metric and share (%), and for normal training.

    Raises ResultsError if no diffusion model saw less than all of D_train.
    """
    return sweep.numbers(_chosen(frame), AXIS, NEEDS)


def fig16(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws ELBO against the diffusion model's share of D_train; horizontal lines: normal."""
    table, trials = numbers(frame), _chosen(frame)
    notes = [marks.lacking(lines.unfinished(frame, trials)), note]
    figure, ax = sweep.figure(
        table, trials, "ELBO by the share of data behind the diffusion model", LOOKS, notes
    )
    sweep.draw(ax, table, AXIS, LOOKS)
    _closer(ax, table)
    ax.set_xlabel(style.LABELS[AXIS])
    ax.set_xticks(sorted(table[AXIS].dropna().unique()))
    return figure


def _closer(ax: Axes, table: pd.DataFrame) -> None:
    """Draws an inset without the smallest share if that one takes up most of the axis."""
    shares = sorted(table[AXIS].dropna().unique())
    least = shares[0] if shares else 0.0
    rest = table[table[AXIS].isna() | (table[AXIS] > least)]
    if len(shares) < FEW or np.ptp(table["mean"]) < DWARFED * np.ptp(rest["mean"]):
        return
    inset = ax.inset_axes((0.34, 0.1, 0.63, 0.55))
    sweep.draw(inset, rest, AXIS, LOOKS)
    inset.set(ylabel="", xticks=shares[1:])
    inset.tick_params(labelsize=style.SMALLEST)
    inset.set_title(f"without {least:g} %", fontsize=style.SMALLEST + 0.5, pad=2)


FEW, DWARFED = 4, 2.5  # least shares for an inset; least ratio of ranges with and without the first


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    trials = lines.vaes(frame)
    trials = trials[trials["source"].isin(LOOKS) & (lines.field(trials, "half_asleep_from") == 0)]
    percent = 100 * lines.field(trials, "source_diffusion_share")
    samples = trials["source"] == "dmaapx"
    if not (samples & (percent < 100)).any():
        raise ResultsError(NEEDS)
    return lines.one_size(trials.assign(line=trials["source"], **{AXIS: percent.where(samples)}))
