"""The four training methods on one data set: what Figures 2, 10, 11 and 12 share (section 5.1)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.figures import marks, panels
from analysis.figures.panels import Panel
from analysis.folders import ResultsError

LOOKS = panels.sources(lines.METHODS)


def chosen(frame: pd.DataFrame, number: int, dataset: str, likelihood: str = "") -> pd.DataFrame:
    """The methods' trials on a data set, with one likelihood; ResultsError where are none."""
    found = lines.methods(frame)
    found = found[found["dataset"] == dataset]
    found = found[found["likelihood"] == likelihood] if likelihood else found
    if found.empty:
        words = " with likelihood ".join(filter(None, [style.dataset_label(dataset), likelihood]))
        more = f" --set likelihood={likelihood}" if likelihood == "mixture" else ""
        raise ResultsError(
            f"Figure {number} needs VAEs trained on {words}, which are not in these results. "
            f"Run python studies/data_sources.py --preset {dataset}{more}."
        )
    return found


def draw(frame: pd.DataFrame, found: pd.DataFrame, shown: Sequence[Panel], note: str) -> Figure:
    """The panels of the chosen trials; data set, likelihood and size of the VAEs in the title."""
    table = panels.numbers(found, shown, LOOKS)
    absent = [look.label for line, look in LOOKS.items() if line not in set(table["line"])]
    said = f"Not in these results: {', '.join(absent)}" if absent else ""
    notes = [*panels.notes(frame, found, table), said, note]
    return panels.draw(table, shown, LOOKS, f"Training distributions on {setting(found)}", notes)


def setting(found: pd.DataFrame) -> str:
    """ "CIFAR-10 (mixture of logistics, $m_z=1$, $n_c=256$)"."""
    first = found.iloc[0]
    likelihood = style.LIKELIHOOD_LABELS[first["likelihood"]]
    return f"{data(found)} ({likelihood}, $m_z={first['m_z']}$, $n_c={first['n_c']}$)"


def data(found: pd.DataFrame) -> str:
    """The data set's name, and whether it is a copy."""
    first = found.iloc[0]
    return style.dataset_label(first["dataset"], str(first.get("data")))
