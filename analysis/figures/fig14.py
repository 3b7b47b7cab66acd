"""Figure 14: ELBO and generalization gap with and without mollification (Appendix B.6)."""

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import methods, panel_numbers, panels
from analysis.figures.panels import Panel

SHOWN = (
    replace(panels.GENERALIZATION, title="ELBO", end="test_elbo"),
    Panel(
        "generalization gap", style.LABELS["generalization_gap"], ("generalization_gap", ""),
        end="generalization_gap",
    ),
)  # fmt: skip
LOOKS = panels.looks(["normal", "mollify", "dmaapx", "dmaapx + mollify"])


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers`, with the gap over epochs."""
    return panel_numbers.numbers(_chosen(frame), SHOWN, LOOKS)


def fig14(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws ELBO and gap over epochs; dotted lines mark the end of mollification."""
    trials = _chosen(frame)
    table = panel_numbers.numbers(trials, SHOWN, LOOKS)
    ends = lines.field(trials, "source_mollify_epochs")
    turns = {int(epoch): "mollification ends" for epoch in ends if epoch}
    notes = [*panel_numbers.notes(frame, trials, table, LOOKS), note]
    title = f"Mollified training images\n{methods.setting(trials)}"
    return panels.draw(table, SHOWN, LOOKS, title, notes, turns)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    trials = lines.plain(frame)
    real = trials["source_real_share"].map({1.0: "normal", 0.0: "dmaapx"})
    trials = trials[real.notna() & trials["source_augment"].isna()]
    noisy = lines.field(trials, "source_mollify_epochs") > 0
    if not noisy.any():
        raise ResultsError(
            "Figure 14 needs VAEs on mollified images, which are not in these results. "
            "Run scaling-vae study mollification."
        )
    line = real[trials.index] + noisy.map({True: " + mollify", False: ""})
    return lines.one_size(trials.assign(line=line.replace("normal + mollify", "mollify")))
