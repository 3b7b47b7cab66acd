"""Figure 13: ELBO on the test set and on the training distribution itself (Appendix B.5)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, style
from analysis.errors import ResultsError
from analysis.figures import marks, methods, panel_numbers, panels
from analysis.figures.panels import Panel
from analysis.statistics.intervals import FEW_SEEDS

ORDER = ("mnist", "fashion_mnist", "cifar10")
SHOWN = Panel(
    "", style.LABELS["elbo"], ("test_elbo", r"$D_\mathrm{test}$"),
    ("source_elbo", "training distribution"), second=":",
)  # fmt: skip


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns ELBOs in nats per image, a row per data set, metric, line and epoch, over seeds.

    Raises ResultsError if no ELBO on the training distribution is measured.
    """
    trials = lines.methods(frame)
    if "source_elbo" not in trials or trials["source_elbo"].isna().all():
        raise ResultsError(
            "Figure 13 needs source_elbo of VAEs, which is not in these results. "
            "Run scaling-vae study data_sources."
        )
    tables = [
        panel_numbers.numbers(part, [SHOWN], methods.LOOKS).assign(panel=_name(part))
        for part in _panels(trials)
    ]
    return pd.concat(tables, ignore_index=True)


def fig13(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per data set and likelihood."""
    table, trials = numbers(frame), lines.methods(frame)
    names = list(table["panel"].unique())
    figure = panels.canvas(len(names))
    for ax, name, letter in zip(figure.axes, names, "abcdefgh", strict=False):
        ax.set_title(
            f"({letter}) {name}" if len(names) > 1 else name, loc="left", fontweight="bold"
        )
        rows = table[table["panel"] == name]
        panels.over_epochs(ax, rows, SHOWN, methods.LOOKS, {})
    title = "ELBO on test images and on the training distribution"
    line_handles = panels.handles(panels.present(table, methods.LOOKS), {})
    marks.heading(figure, [*line_handles, *SHOWN.handles], title)
    at_end = "bars after the last epoch: its intervals" if (table["n"] >= FEW_SEEDS).any() else ""
    marks.note(figure, [*panel_numbers.notes(frame, trials, table, methods.LOOKS), at_end, note])
    return figure


def _panels(trials: pd.DataFrame) -> list[pd.DataFrame]:
    """Returns the trials of each data set and likelihood, others first, then in paper order."""
    parts = [part for _, part in trials.groupby(["dataset", "likelihood"])]
    rank = {name: index for index, name in enumerate(ORDER)}
    return sorted(parts, key=lambda part: rank.get(part["dataset"].iloc[0], -1))


def _name(part: pd.DataFrame) -> str:
    """Names the data set and, on a second line, a likelihood that differs from the paper's."""
    dataset, likelihood = part[["dataset", "likelihood"]].iloc[0]
    usual = {"fashion_mnist": "gaussian"}.get(dataset, likelihood)
    more = f"\n{style.LIKELIHOOD_LABELS.get(likelihood, likelihood)}" if likelihood != usual else ""
    return methods.data(part).replace(" (", "\n(") + more
