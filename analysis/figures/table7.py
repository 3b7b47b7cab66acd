"""Table 7: the three gaps of the four training methods on each data set (Appendix C)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.errors import ResultsError
from analysis.figures import tables, ties
from analysis.figures.tables import Table
from analysis.selection import early

GAPS = {
    "generalization_gap": "generalization (nats)",
    "amortization_gap": "amortization (nats)",
    "robustness_gap": "robustness (MS-SSIM)",
}
MARK = f"* smallest mean of its row, and means of {tables.TIED} larger; {tables.CELLS}"


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns last values over seeds, a row per data set, likelihood, gap and method.

    `smallest` marks the smallest mean of its gap and data set, `tied` also those that are not shown
    to be larger (`ties.tied`). Raises ResultsError if no gap is measured at the end of a finished
    trial.
    """
    table = tables.numbers(frame, list(GAPS), "gap")
    if table.empty:
        raise ResultsError(
            "Table 7 needs gaps of finished VAEs, and none is in these results. "
            "Run scaling-vae study data_sources."
        )
    least = table.groupby(["dataset", "likelihood", "gap"])["mean"].transform("min")
    table["smallest"] = table["mean"] == least
    table["tied"] = ties.tied(table, ["dataset", "likelihood", "gap"], pd.Series(-1, table.index))
    first = ["dataset", "likelihood", "data", "gap", "source", "smallest", "tied", "epoch"]
    return table[[*first, *table.columns.drop([*first, "overlap"])]]


def text(frame: pd.DataFrame, suffix: str = "txt") -> list[str]:
    """Returns the table's lines: aligned (txt), Markdown (md) or LaTeX (tex)."""
    return _table(frame, suffix).text(suffix)


def table7(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the table as a picture, with the smallest gaps and those tied with them in bold."""
    return _table(frame, "picture").picture(note)


def _table(frame: pd.DataFrame, suffix: str) -> Table:
    table = numbers(frame)
    cells = tables.parts(table, GAPS, "gap", "tied", suffix)
    return Table(
        tables.head("gap", table),
        cells,
        [f"{MARK}; {tables.counts(table)}", *tables.lengths(table), *early.lost(frame, GAPS)],
    )
