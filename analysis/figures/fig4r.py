"""Figure 4, right: how many distinct samples of a diffusion model suffice (section 5.4)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines
from analysis.figures import marks, panels, sweep

LOOKS = panels.looks(["normal", "dmaapx"])
NEEDS = (
    "Figure 4 (right) needs VAEs on diffusion samples with several k. "
    "Run scaling-vae study sample_budget."
)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns ELBOs in nats per image, a row per metric and k of DMaaPx, and for normal training.

    Raises ResultsError if nothing is finished at a value of k.
    """
    return sweep.numbers(_chosen(frame), "source_k", NEEDS)


def fig4r(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws ELBO against k on a log axis; horizontal lines are normal training."""
    table, trials = numbers(frame), _chosen(frame)
    notes = [marks.lacking(lines.unfinished(frame, trials)), note]
    figure, ax = sweep.figure(
        table, trials, "ELBO by the number of diffusion samples", LOOKS, notes
    )
    sweep.draw(ax, table, "source_k", LOOKS)
    marks.log2_axis(ax, sorted(table["source_k"].dropna().astype(int).unique()), "source_k")
    return figure


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    trials = lines.plain(frame)
    trials = trials[trials["source"].isin(LOOKS)]
    return lines.one_size(trials.assign(line=trials["source"]))
