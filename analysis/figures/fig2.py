"""Figure 2: generalization, amortized inference and robustness of the four training methods."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines
from analysis.figures import methods, panel_numbers, panels

OTHERS = ("mnist", "fashion_mnist")  # data sets of Figures 10 to 12


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers` on CIFAR-10, or else on digits or own images."""
    return panel_numbers.numbers(_chosen(frame), panels.ALL, methods.LOOKS)


def fig2(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws three panels over epochs, and the gaps at the end."""
    return methods.draw(frame, _chosen(frame), panels.ALL, note)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    datasets = sorted(set(lines.methods(frame)["dataset"]) - set(OTHERS))
    dataset = datasets[0] if datasets and "cifar10" not in datasets else "cifar10"
    return methods.chosen(frame, 2, dataset)
