"""Figure 19: accuracy of four classifiers under each corruption of CIFAR-10-C (Appendix G)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import lines, style
from analysis.columns import OVERALL, SINGLE_CORRUPTIONS
from analysis.figures import accuracies, marks, methods, panels
from analysis.statistics.intervals import FEW_SEEDS, over_seeds

ORDER = ["logistic", "svm_linear", "svm_rbf", "knn"]
PLACE = ["classifier", "corruption", "line"]
ROWS = [*SINGLE_CORRUPTIONS, OVERALL]
ROW_WORDS = {OVERALL: "one at random\nfor each image"}
ROW = 0.25  # inches
APART = 0.18  # distance of two methods in units of a row


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns accuracies in [0, 1] over seeds, a row per classifier, corruption and method.

    The corruption `overall` is drawn at random for each image; `best` marks the highest mean under
    a corruption. Raises ResultsError without accuracies.
    """
    table = over_seeds(accuracies.corrupted(frame, "Figure 19"), PLACE, "accuracy")
    most = table.groupby(["classifier", "corruption"])["mean"].transform("max")
    table.insert(len(PLACE), "best", table["mean"] == most)
    rank = {name: index for index, name in enumerate([*ORDER, *ROWS, *methods.LOOKS])}
    return table.sort_values(PLACE, key=lambda column: column.map(rank), ignore_index=True)


def fig19(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per classifier and a row per corruption, with the methods' means and draws."""
    table, trials = numbers(frame), lines.methods(frame)
    looks = {line: look for line, look in methods.LOOKS.items() if line in set(table["line"])}
    figure = Figure(figsize=(style.inches(style.WIDE), ROW * len(ROWS) + 1.3), layout="constrained")
    axes = figure.subplots(1, len(ORDER), sharey=True, sharex=True)
    for ax, classifier in zip(axes, ORDER, strict=True):
        ax.set_title(accuracies.LABELS[classifier], fontweight="bold")
        for index, (line, look) in enumerate(looks.items()):
            rows = table[(table["classifier"] == classifier) & (table["line"] == line)]
            _draw(ax, rows, (index - (len(looks) - 1) / 2) * APART, look)
        ax.set_xlabel("accuracy")
        ax.axhline(len(ROWS) - 1.5, color=style.GREY, linewidth=0.6)
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(
        range(len(ROWS)), [ROW_WORDS.get(name, name.replace("_", " ")) for name in ROWS]
    )
    axes[0].set_ylim(len(ROWS) - 0.4, -0.6)
    marks.note(figure, [*_notes(frame, trials, table), note])
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="", label=look.label)
        for look in looks.values()
    ]
    marks.heading(figure, handles, f"Classification of corrupted images, {methods.data(trials)}")
    return figure


def _notes(frame: pd.DataFrame, trials: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    best = table[table["best"]].groupby("line", sort=False).size()
    wins = ", ".join(f"{style.source_label(str(line))} {count}" for line, count in best.items())
    rows = len(table[["classifier", "corruption"]].drop_duplicates())
    return [
        f"{marks.draws(table)} (dots), {marks.interval_of(table)}",
        f"number of best means among {rows} (classifier, corruption) pairs: {wins}",
        *accuracies.notes(frame),
        marks.lacking(lines.unfinished(frame, trials)),
    ]


def _draw(ax: Axes, rows: pd.DataFrame, aside: float, look: panels.Look) -> None:
    """Draws means, intervals and draws of one method, a row per corruption."""
    colour = look.colour
    y = [ROWS.index(name) + aside for name in rows["corruption"]]
    ax.plot(rows["mean"], y, look.marker, color=colour, markersize=2.6, zorder=3)
    has_interval = (rows["n"] >= FEW_SEEDS).to_numpy()
    ax.hlines(
        [height for height, k in zip(y, has_interval, strict=True) if k],
        rows.loc[has_interval, "low"], rows.loc[has_interval, "high"],
        color=colour, linewidth=0.7, alpha=0.75,
    )  # fmt: skip
    for _, values in marks.seed_values(rows).items():
        (dots,) = ax.plot(values, y, ".", color=colour, markersize=3.2, alpha=0.55, zorder=2)
        dots.set_markeredgewidth(0)
