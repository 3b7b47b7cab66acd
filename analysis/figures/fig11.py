"""Figure 11: the three gaps of the four training methods on FashionMNIST (Appendix B.3)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import methods, panel_numbers, panels

CHOICE = (11, "fashion_mnist", "gaussian")


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers` on FashionMNIST."""
    return panel_numbers.numbers(methods.chosen(frame, *CHOICE), panels.ALL, methods.LOOKS)


def fig11(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws three panels over epochs, and the gaps at the end."""
    return methods.draw(frame, methods.chosen(frame, *CHOICE), panels.ALL, note)
