"""Learning curves by width: ELBO on D_train and test images over epochs, a line for each n_c."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, lines, style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.statistics import levels

METRICS: dict[str, tuple[str, style.Line]] = {
    "test_elbo": ("test images", "-"),
    "train_elbo": (r"$D_\mathrm{train}$", "--"),
}
MOST = 2  # largest number of sources drawn
PLACE, VALIDATION = ["m_z", "n_c"], "validation_elbo"


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns ELBOs in nats per image, a row per source, n_c, metric and epoch.

    They are at the smallest m_z with two n_c. `best` marks the epoch of each width's highest mean
    on validation images, and `chosen_on` names the metric: without validation images the test or
    train ELBO itself. Raises ResultsError if fewer than two widths or epochs are measured.
    """
    tables = []
    for source, trials in _trials(frame):
        validated = lines.over_epochs(trials, VALIDATION, PLACE)
        for metric in METRICS:
            table = lines.over_epochs(trials, metric, PLACE)
            if len(table):
                judge = validated if len(validated) else table
                best = judge.loc[judge.groupby(PLACE)["mean"].idxmax(), [*PLACE, "epoch"]]
                table = table.merge(best.assign(best=True), how="left", on=[*PLACE, "epoch"])
                chosen = VALIDATION if len(validated) else metric
                tables.append(table.assign(source=source, metric=metric, chosen_on=chosen))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"epoch": []})
    if table["epoch"].nunique() < 2:
        raise ResultsError(
            "Learning curves need ELBOs at two epochs of two n_c. "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    table["best"] = table["best"].eq(True)
    first = ["source", "metric", *PLACE, "epoch", "best", "chosen_on"]
    return table[[*first, *table.columns.drop(first)]]


def _trials(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Selects each source's finished trials at the smallest m_z that has two n_c or more.

    All are settled together, so that the level says which draws have samples.
    """
    finals, keys = curves.final(frame), {}
    for source in curves.sources(frame)[:MOST]:
        rows = finals[finals["source"] == source]
        widths = rows.groupby("m_z")["n_c"].nunique()
        wide = widths[widths > 1]
        if len(wide):
            keys[source] = rows.loc[rows["m_z"] == wide.index.min(), "key"]
    if not keys:
        return []
    trials = levels.settle(lines.vaes(frame[frame["key"].isin(pd.concat(keys))]))
    return [(source, trials[trials["key"].isin(part)]) for source, part in keys.items()]


def learning(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per source, with a line per n_c and a ring at its best epoch on average."""
    table = numbers(frame)
    sources = list(dict.fromkeys(table["source"]))
    width = style.inches(style.WIDE if len(sources) > 1 else style.NARROW)
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    axes = figure.subplots(1, len(sources), squeeze=False, sharex=True, sharey=True)[0]
    colours = style.m_z_colours(table["n_c"])
    marked = {n_c: style.MARKERS[index % len(style.MARKERS)] for index, n_c in enumerate(colours)}
    for ax, source in zip(axes, sources, strict=True):
        _panel(ax, table[table["source"] == source], colours, marked)
        marks.title(ax, style.source_label(source))
    axes[0].set_ylabel(style.LABELS["elbo"])
    marks.zoom(axes[0], table[table["metric"] == "test_elbo"], bands=False)
    top = table.loc[table["metric"] == "train_elbo", "mean"]
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(low, max(high, top.max() + 0.04 * (high - low)) if len(top) else high)
    handles = [
        Line2D([], [], color=colour, marker=marked[n_c], label=f"$n_c={n_c}$")
        for n_c, colour in colours.items()
    ]
    handles += [
        Line2D([], [], color=style.GREY, linestyle=look, label=label)
        for label, look in METRICS.values()
    ]
    m_z = sorted(table["m_z"].unique())
    title = f"Learning curves by width, $m_z={', '.join(map(str, m_z))}$"
    marks.heading(figure, handles, marks.with_data(title, frame))
    judged = "validation" if VALIDATION in set(table["chosen_on"]) else "test"
    rings = f"rings: the epoch of each width's highest mean on {judged} images"
    marks.note(figure, [f"Means over {marks.draws(table)}; {rings}", note])
    return figure


def _panel(ax: Axes, table: pd.DataFrame, colours: dict[int, str], marked: dict[int, str]) -> None:
    for (metric, n_c), part in table.groupby(["metric", "n_c"]):
        colour, look = colours[int(str(n_c))], METRICS[str(metric)][1]
        marks.curve(ax, part, colour, look, marked[int(str(n_c))], band=False)
        if metric == "test_elbo":
            best = part[part["best"]].iloc[:1]
            (ring,) = ax.plot(best["epoch"], best["mean"], "o", color="#222222", zorder=4)
            ring.set(markersize=8, markerfacecolor="none", markeredgewidth=0.9)
    ax.set_xlabel(style.LABELS["epoch"])
