"""Figure 3: the density of q along lines between the latents of two test images (section 5.3)."""

import json

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import curves, lines
from analysis.errors import ResultsError
from analysis.figures import accuracies, layout, marks, methods, panels
from analysis.statistics.intervals import over_seeds

CURVES = {"interpolation_first": "one pair of images", "interpolation_mean": "mean over pairs"}
ENDS = {
    "roughness": "roughness: sum of $|$changes$|$ (nats)",
    "interpolation_log_q": "mean over the line (nats)",
}
LABEL = r"$\log q(z_\alpha | \tilde{x}_\alpha)$ (nats)"
PLACE = ["part", "line", "alpha"]
RANK = {name: index for index, name in enumerate([*CURVES, *ENDS, *lines.METHODS])}


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per curve, method and alpha, and per last value (without alpha), in nats.

    `part` is the name of the column. alpha = 1 is the first image of the pair. Raises ResultsError
    if the curves are not measured.
    """
    finals = _finals(frame)
    tables = [over_seeds(_long(finals, part), PLACE, "value") for part in CURVES]
    tables += [over_seeds(finals, ["line"], part).assign(part=part) for part in ENDS]
    table = pd.concat(tables, ignore_index=True)
    table = table.sort_values(["part", "line"], key=lambda c: c.map(RANK), kind="stable")
    return table[[*PLACE, *table.columns.drop(PLACE)]].reset_index(drop=True)


def _finals(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects finished VAEs whose curves are measured; ResultsError if there are none."""
    trials = lines.drawn(lines.methods(frame), ["line"])
    trials = trials[trials["state"] == "done"]
    measured = trials.dropna(subset=list(CURVES)) if set(CURVES) <= set(trials) else trials[:0]
    if measured.empty:
        raise ResultsError(
            "Figure 3 needs densities along interpolations, and none is in these results. "
            "Run scaling-vae study smoothness."
        )
    lines.check_measured_alike(measured, "interpolation_mean")
    lines.check_measured_together(measured, "interpolation_mean", ["line"])
    return curves.last_values(measured)


def _long(finals: pd.DataFrame, part: str) -> pd.DataFrame:
    """Unpacks JSON lists, evenly spaced in alpha, into a row per line, trial and alpha."""
    records = [
        chance | {"part": part, "alpha": index / (len(values) - 1), "value": value}
        for chance in finals[["line", *accuracies.CHANCE, part]].to_dict("records")
        for text in [chance.pop(part)]
        for values in [json.loads(text)]
        for index, value in enumerate(values)
    ]
    return pd.DataFrame(records)


def fig3(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws one pair of the first draw and the mean over pairs, and below them the last values."""
    table, trials = numbers(frame), lines.methods(frame)
    looks = panels.present(table, methods.LOOKS)
    first = min(marks.seed_values(table), key=lambda name: int(str(name).rpartition("_")[2]))
    figure = panels.canvas(2, panels.ROW * len(looks) + 0.15)
    for index, (part, title) in enumerate(CURVES.items()):
        ax, rows = figure.axes[index], table[table["part"] == part]
        alone = part == "interpolation_first"
        title = f"{title}, {str(first).replace('_', ' ')}" if alone else title
        ax.set_title(f"({'ab'[index]}) {title}", loc="left", fontweight="bold")
        ax.set(xlabel=r"$\alpha$", ylabel=LABEL if index == 0 else "", xlim=(0, 1))
        _curves(ax, rows.assign(mean=rows[first], n=1) if alone else rows, looks, not alone)
    for index, (part, label) in enumerate(ENDS.items()):
        _ends(figure.axes[2 + index], table[table["part"] == part], looks, label)
    marks.note(figure, [*_notes(frame, table), note])
    title = f"Density of q along lines between latents\n{methods.setting(trials)}"
    marks.heading(figure, panels.handles(looks, {}), title)
    layout.widen(figure, len(CURVES))
    return figure


def _curves(ax: Axes, table: pd.DataFrame, looks: panels.Looks, seeds: bool) -> None:
    """Draws means, and thin lines for the draws."""
    for line, look in looks.items():
        rows = table[table["line"] == line].rename(columns={"alpha": "epoch"})
        marks.curve(ax, rows, look.colour, "-", look.marker, band=False)
        if seeds:
            draws = marks.seed_values(rows)
            ax.plot(rows["epoch"], draws, color=look.colour, linewidth=0.5, alpha=0.6)


def _ends(ax: Axes, table: pd.DataFrame, looks: panels.Looks, label: str) -> None:
    """Draws a row per method: draws, mean and interval."""
    for index, (line, look) in enumerate(looks.items()):
        marks.row(ax, -index, table[table["line"] == line], look.colour, look.marker)
    ax.set_ylim(0.5 - len(looks), 0.7)
    ax.set_yticks([-index for index in range(len(looks))], [look.label for look in looks.values()])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(label)
    ax.margins(x=0.08)
    marks.not_negative(ax, table["low"].fillna(table["mean"]))


def _notes(frame: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    return [
        f"(a) the first pair alone; otherwise {marks.draws(table)} (b: thin lines; below: dots), "
        f"lines are means; below: {marks.interval_of(table)}",
        "z: latent means of two test images, mixed by alpha (1: the first); x: mean of p at z; "
        "models with the same test images have the same pairs",
        marks.lacking(lines.unfinished(frame, lines.methods(frame))),
    ]
