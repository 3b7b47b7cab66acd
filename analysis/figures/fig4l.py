"""Figure 4, left: gain in accuracy on CIFAR-10-C over normal training (section 5.2)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import lines, style
from analysis.columns import SINGLE_CORRUPTIONS
from analysis.errors import ResultsError
from analysis.figures import accuracies, marks, methods, panels
from analysis.statistics.intervals import over_seeds

ORDER = ["logistic", "svm_linear", "svm_rbf", "knn"]  # the paper's columns
PLACE = ["classifier", "line", "corruption"]
MEAN = "mean"  # name of the mean over the 19 corruptions
LOOKS = panels.looks([name for name in lines.METHODS if name != "normal"])
WIDTH, SPREAD = 0.26, 0.18  # widths of a method's column and of its dots; a classifier's is 1


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns gains in percentage points, a row per classifier, method and corruption or mean.

    A gain is the accuracy minus that of the normally trained VAE of the same draw. Raises
    ResultsError if one of the two is not finished.
    """
    long = accuracies.corrupted(frame, "Figure 4 (left)")
    long = long[long["corruption"].isin(SINGLE_CORRUPTIONS)]
    wide = long.set_index([*PLACE, *accuracies.CHANCE])["accuracy"].unstack("line")
    others = [name for name in LOOKS if name in wide]
    if "normal" not in wide or not others:
        raise ResultsError(
            "Figure 4 (left) compares methods with normal training, and one of the two is not "
            "finished here. Run scaling-vae study downstream (again)."
        )
    gains = 100 * wide[others].sub(wide["normal"], axis=0)
    gain_rows = (
        gains.reset_index().melt(wide.index.names, others, "line", "gain").dropna(subset="gain")
    )
    means = (
        gain_rows.groupby(["classifier", "line", *accuracies.CHANCE])["gain"].mean().reset_index()
    )
    gain_rows = pd.concat([gain_rows, means.assign(corruption=MEAN)])
    table = over_seeds(gain_rows, PLACE, "gain")
    rank = {name: index for index, name in enumerate([*ORDER, *LOOKS, *SINGLE_CORRUPTIONS, MEAN])}
    return table.sort_values(PLACE, key=lambda column: column.map(rank), ignore_index=True)


def fig4l(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws, per classifier and method, a dot per corruption and draw, and the mean's interval."""
    table, trials = numbers(frame), lines.methods(frame)
    looks = panels.present(table, LOOKS)
    figure = Figure(figsize=(style.inches(style.NARROW), 3.4), layout="constrained")
    ax = figure.subplots()
    ax.axhline(0, color=style.SOURCE_COLOURS["normal"], linewidth=1.0, zorder=1)
    for index, classifier in enumerate(ORDER):
        for side, (line, look) in enumerate(looks.items()):
            rows = table[(table["classifier"] == classifier) & (table["line"] == line)]
            _column(ax, index + (side - (len(looks) - 1) / 2) * WIDTH, rows, look)
    ax.set_xticks(range(len(ORDER)), [accuracies.LABELS[name] for name in ORDER])
    ax.set_ylabel("accuracy gain over normal\ntraining (percentage points)")
    ax.grid(visible=False, axis="x")
    draws = f"{marks.draws(table)}, each paired with normal training's"
    means = marks.interval_of(table[table["corruption"] == MEAN])
    legend = f"a dot per corruption and draw; black: mean over corruptions, {means}; {draws}"
    unfinished = marks.lacking(lines.unfinished(frame, trials))
    marks.note(figure, [legend, *accuracies.notes(frame), unfinished, note])
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="", label=look.label)
        for look in looks.values()
    ]
    handles.append(Line2D([], [], color=style.SOURCE_COLOURS["normal"], label="normal"))
    title = f"Classification of corrupted images\n{methods.data(trials)}"
    marks.heading(figure, handles, title)
    return figure


def _column(ax, x: float, rows: pd.DataFrame, look: panels.Look) -> None:  # type: ignore[no-untyped-def]
    """Draws a column of dots in which each corruption has the same place as in all others."""
    dots = rows[rows["corruption"] != MEAN]
    seeds = marks.seed_values(dots)
    places = x + SPREAD * (np.arange(len(dots)) / max(len(dots) - 1, 1) - 0.5)
    for _, values in seeds.items():
        (points,) = ax.plot(
            places, values, look.marker, color=look.colour, markersize=2, alpha=0.5, zorder=2
        )
        points.set_markeredgewidth(0)
    mean = rows[rows["corruption"] == MEAN]
    marks.series(ax, [x], mean.drop(columns=seeds.columns), "black", "_", width=1.3)
