"""Figure 10: the three gaps of the four training methods on BinaryMNIST (Appendix B.3)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import methods, panel_numbers, panels

CHOICE = (10, "mnist")


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers` on BinaryMNIST."""
    return panel_numbers.numbers(methods.chosen(frame, *CHOICE), panels.ALL, methods.LOOKS)


def fig10(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws three panels over epochs, and the gaps at the end."""
    return methods.draw(frame, methods.chosen(frame, *CHOICE), panels.ALL, note)
