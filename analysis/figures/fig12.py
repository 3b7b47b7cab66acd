"""Figure 12: generalization on FashionMNIST with a mixture of logistics (Appendix B.4)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures import methods, panel_numbers, panels

CHOICE = (12, "fashion_mnist", "mixture")
SHOWN = (panels.GENERALIZATION,)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `panel_numbers.numbers` for the panel on generalization."""
    return panel_numbers.numbers(methods.chosen(frame, *CHOICE), SHOWN, methods.LOOKS)


def fig12(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws one panel over epochs, and the generalization gap at the end."""
    return methods.draw(frame, methods.chosen(frame, *CHOICE), SHOWN, note)
