"""Draws the four training methods on one data set, for Figures 2, 10, 11, 12 (section 5.1)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import panel_numbers, panels
from analysis.figures.panels import Panel

LOOKS = panels.looks(lines.METHODS)


def chosen(frame: pd.DataFrame, number: int, dataset: str, likelihood: str = "") -> pd.DataFrame:
    """Selects the methods' trials on a data set and likelihood; ResultsError if there are none."""
    trials = lines.methods(frame)
    trials = trials[trials["dataset"] == dataset]
    trials = trials[trials["likelihood"] == likelihood] if likelihood else trials
    if trials.empty:
        text = " with likelihood ".join(filter(None, [style.dataset_label(dataset), likelihood]))
        more = f" --set likelihood={likelihood}" if likelihood == "mixture" else ""
        raise ResultsError(
            f"Figure {number} needs VAEs trained on {text}, which are not in these results. "
            f"Run scaling-vae study data_sources --preset {dataset}{more}."
        )
    return trials


def draw(
    frame: pd.DataFrame, trials: pd.DataFrame, selection: Sequence[Panel], note: str
) -> Figure:
    """Draws panels of the selected trials, with data set, likelihood and VAE size in the title."""
    table = panel_numbers.numbers(trials, selection, LOOKS)
    notes = [*panel_numbers.notes(frame, trials, table, LOOKS), note]
    title = f"VAEs by training distribution\n{setting(trials)}"
    return panels.draw(table, selection, LOOKS, title, notes)


def setting(trials: pd.DataFrame) -> str:
    """Names data set, likelihood and size of the VAEs."""
    first = trials.iloc[0]
    name = str(first["likelihood"])
    likelihood = style.LIKELIHOOD_LABELS.get(name, name)
    return f"{data(trials)}, {likelihood}, $m_z={first['m_z']}$, $n_c={first['n_c']}$"


def data(trials: pd.DataFrame) -> str:
    """Names the data set, and says whether it is a JPEG copy."""
    first = trials.iloc[0]
    return style.dataset_label(first["dataset"], str(first.get("data")))
