"""Figure 6: generalization, amortized inference and robustness for two m_z at one n_c."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import methods, panel_numbers, panels
from analysis.figures.panels import Look


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers` with a line per m_z under normal training."""
    trials = _chosen(frame)
    return panel_numbers.numbers(trials, panels.ALL, _looks(trials))


def fig6(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws three panels over epochs, and the gaps at the end."""
    trials = _chosen(frame)
    table = panel_numbers.numbers(trials, panels.ALL, _looks(trials))
    data, n_c = methods.data(trials), trials["n_c"].iloc[0]
    title = f"VAEs by latent multiplier $m_z$ under normal training\n{data}, $n_c={n_c}$"
    notes = [*panel_numbers.notes(frame, trials, table, _looks(trials)), note]
    return panels.draw(table, panels.ALL, _looks(trials), title, notes)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects normal training at the n_c with the most m_z, then the most trials."""
    trials = lines.plain(frame)
    trials = trials[trials["source"] == "normal"]
    if trials.empty:
        raise ResultsError(
            "Figure 6 needs VAEs under normal training, which are not in these results. "
            "Run scaling-vae study latent_width."
        )
    counts = trials.groupby("n_c")[["m_z", "key"]].nunique().sort_values(["m_z", "key"])
    trials = trials[trials["n_c"] == counts.index[-1]]
    return trials.assign(line=[f"m_z={m_z}" for m_z in trials["m_z"]])


def _looks(trials: pd.DataFrame) -> dict[str, Look]:
    colours = style.m_z_colours(trials["m_z"])
    return {
        f"m_z={m_z}": Look(f"$m_z={m_z}$", colour, style.MARKERS[index % len(style.MARKERS)])
        for index, (m_z, colour) in enumerate(colours.items())
    }
