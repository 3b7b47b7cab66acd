"""Figure 15: mixtures of real images and diffusion samples, with and without augmentation (B.7)."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import marks, sweep
from analysis.figures.panels import Look

AXIS = "real_percent"
LOOKS = {
    name: Look(label, style.MIXTURE_COLOURS[name], style.MIXTURE_MARKERS[name])
    for name, label in style.MIXTURE_LABELS.items()
}
DMAAPX, LEVEL = style.SOURCE_COLOURS["dmaapx"], r"$D_\mathrm{test}$, DMaaPx"
NEEDS = (
    "Figure 15 needs VAEs on mixtures of real images and diffusion samples. "
    "Run scaling-vae study mixtures."
)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns ELBOs in nats per image, a row per metric, augmentation and share of real images (%).

    Raises ResultsError without mixtures.
    """
    return sweep.numbers(_chosen(frame), AXIS, NEEDS)


def fig15(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws ELBO against the share of real images, with DMaaPx's test ELBO as a dotted line."""
    table, trials = numbers(frame), _chosen(frame)
    notes = [marks.lacking(lines.unfinished(frame, trials)), note]
    title = "ELBO on mixtures of real images and diffusion samples"
    level = Line2D([], [], color=DMAAPX, linestyle=":", linewidth=1.0, label=LEVEL)
    figure, ax = sweep.figure(table, trials, title, LOOKS, notes, [level])
    sweep.draw(ax, table, AXIS, LOOKS)
    ax.set_xlabel(style.LABELS[AXIS])
    ax.set_xticks(sorted(table[AXIS].unique()))
    dmaapx = (table["line"] == "none") & (table[AXIS] == 0) & (table["metric"] == "test_elbo")
    for height in table.loc[dmaapx, "mean"]:
        ax.axhline(height, color=DMAAPX, linestyle=":", linewidth=1.0)
    return figure


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    trials = lines.plain(frame)
    trials = trials[lines.field(trials, "source_mollify_epochs") == 0]
    percent = 100 * trials["source_real_share"].astype(float)
    if not percent.between(0, 100, inclusive="neither").any():
        raise ResultsError(NEEDS)
    line = trials["source_augment"].astype(object).fillna("none")
    return lines.one_size(trials.assign(line=line, **{AXIS: percent}))
