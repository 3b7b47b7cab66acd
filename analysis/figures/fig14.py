"""Figure 14: ELBO and generalization gap with and without mollification (Appendix B.6)."""

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.figures import methods, panel_numbers, panels
from analysis.figures.panels import Panel
from analysis.trial_folder import ResultsError

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
    found = _chosen(frame)
    table = panel_numbers.numbers(found, SHOWN, LOOKS)
    ends = lines.field(found, "source_mollify_epochs")
    turns = {int(epoch): "mollification ends" for epoch in ends if epoch}
    notes = [*panel_numbers.notes(frame, found, table, LOOKS), note]
    title = f"Mollified training images\n{methods.setting(found)}"
    return panels.draw(table, SHOWN, LOOKS, title, notes, turns)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    found = lines.plain(frame)
    real = found["source_real_share"].map({1.0: "normal", 0.0: "dmaapx"})
    found = found[real.notna() & found["source_augment"].isna()]
    noisy = lines.field(found, "source_mollify_epochs") > 0
    if not noisy.any():
        raise ResultsError(
            "Figure 14 needs VAEs on mollified images, which are not in these results. "
            "Run scaling-vae study mollification."
        )
    line = real[found.index] + noisy.map({True: " + mollify", False: ""})
    return lines.one_size(found.assign(line=line.replace("normal + mollify", "mollify")))
