"""Figure 5: generalization with and without reverse half asleep (RHA), a change of training."""

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines
from analysis.errors import ResultsError
from analysis.figures import methods, panel_numbers, panels

SHOWN = (replace(panels.GENERALIZATION, end="test_elbo"),)
LOOKS = panels.looks(["normal", "normal + RHA", "dmaapx", "dmaapx + RHA"])


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers` with and without reverse half asleep (RHA).

    RHA trains the encoder alone after epoch `half_asleep_from`. Raises ResultsError without RHA.
    """
    return panel_numbers.numbers(_chosen(frame), SHOWN, LOOKS)


def fig5(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel over epochs, with a dotted line where RHA begins, and the last test ELBOs."""
    trials = _chosen(frame)
    table = panel_numbers.numbers(trials, SHOWN, LOOKS)
    turns = {int(epoch): "RHA begins" for epoch in lines.field(trials, "half_asleep_from") if epoch}
    notes = [*panel_numbers.notes(frame, trials, table, LOOKS), note]
    title = f"Normal training, DMaaPx and reverse half asleep (RHA)\n{methods.setting(trials)}"
    return panels.draw(table, SHOWN, LOOKS, title, notes, turns)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    trials = lines.vaes(frame)
    trials = trials[trials["source"].isin(["normal", "dmaapx"]) & lines.whole(trials)]
    later = lines.field(trials, "half_asleep_from") > 0
    if not later.any():
        raise ResultsError(
            "Figure 5 needs VAEs with reverse half asleep, which are not in these results. "
            "Run scaling-vae study reverse_half_asleep."
        )
    trials = trials.assign(line=trials["source"] + later.map({True: " + RHA", False: ""}))
    return lines.one_size(trials)
