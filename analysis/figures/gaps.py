"""Parts of the test loss: loss on D_train, generalization of the model, amortized inference."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, lines, style
from analysis.errors import ResultsError
from analysis.figures import marks, methods
from analysis.statistics.intervals import FEW_SEEDS, over_seeds

PARTS = {  # name: label and colour
    "train": ("loss on $D_\\mathrm{train}$", "#bdbdbd"),
    "model": ("generalization without inference", "#0072b2"),
    "inference": ("amortized inference", "#e69f00"),
}
WHOLE = "test"
ROW = 0.34  # inches
UNDER = 0.22  # distance, in rows, of the interval below the numbers
FEW = 0.07  # a number fits into parts of at least this share of the widest bar
TALL, THIN = 0.62, 0.16  # height, in rows, of a bar, and of a negative part along its upper edge


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns nats per image over draws, a row per method and part, and for their sum `test`.

    -test_elbo = -train_elbo + (generalization_gap - amortization_gap) + amortization_gap, with the
    last values of each draw. The amortization gap (Eq. 4) is that of the test images on which it
    was measured. Raises ResultsError if it is not measured.
    """
    trials = _finals(frame)
    inference, gap = trials["amortization_gap"], trials["generalization_gap"]
    parts = {
        "train": -(trials["test_elbo"] + gap),
        "model": gap - inference,
        "inference": inference,
        WHOLE: -trials["test_elbo"],
    }
    tables = [
        over_seeds(trials.assign(nats=values.astype(float), part=name), ["line", "part"], "nats")
        for name, values in parts.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    rank = {name: index for index, name in enumerate([*lines.METHODS, *parts])}
    by = ["line", "part"]
    return table.sort_values(by, key=lambda column: column.map(rank), ignore_index=True)


def _finals(frame: pd.DataFrame) -> pd.DataFrame:
    trials = lines.drawn(lines.methods(frame), ["line"])
    trials = trials[trials["state"] == "done"]
    needed = ["test_elbo", "generalization_gap", "amortization_gap"]
    if set(needed) <= set(trials):
        lines.check_measured_alike(trials, "amortization_gap")
        lines.check_measured_together(trials, "amortization_gap", ["line"])
        trials = curves.last_values(trials).dropna(subset=needed) if len(trials) else trials
        if len(trials):
            return trials
    raise ResultsError(
        "The parts of the gaps need amortization_gap of finished VAEs, which is not in these "
        "results. Run scaling-vae study data_sources."
    )


def gaps(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a row per method with its parts end to end, starting below the smallest train loss."""
    table, chosen = numbers(frame), lines.methods(frame)
    wide = table.pivot(index="line", columns="part", values="mean")
    methods_shown = [name for name in lines.METHODS if name in wide.index]
    height = ROW * len(methods_shown) + 1.7
    figure = Figure(figsize=(style.inches(5.0), height), layout="constrained")
    ax = figure.subplots()
    start = _start(wide)
    span = float(_ends(wide).to_numpy().max()) - start
    for index, line in enumerate(methods_shown):
        _bar(ax, -index, table[table["line"] == line], start, span)
    ax.set_yticks([-index for index in range(len(methods_shown))],
                  [style.source_label(name) for name in methods_shown])  # fmt: skip
    wholes = table[table["part"] == WHOLE]
    highs = wholes.loc[wholes["n"] >= FEW_SEEDS, "high"]
    ax.set_xlim(start, max(start + 1.06 * span, highs.max() + 0.02 * span))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("negative ELBO (nats per image)")
    handles = [
        Line2D([], [], color=colour, linewidth=6, label=label) for label, colour in PARTS.values()
    ]
    handles.append(Line2D([], [], color="black", marker="|", linewidth=0.9, label="test loss"))
    title = f"Parts of the test loss\n{methods.setting(chosen[chosen['state'] == 'done'])}"
    marks.heading(figure, handles, title)
    legend = (
        f"{marks.draws(table)}; numbers: means of the parts in nats; bars at the end: test loss, "
        f"{marks.interval_of(table)}; the axis does not begin at 0; the amortization gap is that "
        "of the test images whose q was optimized"
    )
    marks.note(figure, [legend, note])
    return figure


def _ends(wide: pd.DataFrame) -> pd.DataFrame:
    """Returns where the parts of each method end: the first, the first two, and all of them."""
    return pd.DataFrame({0: wide["train"], 1: wide["train"] + wide["model"], 2: wide[WHOLE]})


def _start(wide: pd.DataFrame) -> float:
    """Returns the axis's left end, below all ends of parts by a share of the other parts."""
    ends = _ends(wide)
    least = ends.min(axis=1)
    return float(least.min()) - 0.35 * abs(float((ends.max(axis=1) - least).max()))


def _bar(ax: Axes, y: float, rows: pd.DataFrame, start: float, span: float) -> None:
    """Draws the parts of one method; a negative part leads back, thin, along the upper edge."""
    values = rows.set_index("part")["mean"]
    left = start
    for part, (_, colour) in PARTS.items():
        size = float(values[part]) - (start if part == "train" else 0.0)
        back = size < 0
        middle, height = (y + (TALL - THIN) / 2, THIN) if back else (y, TALL)
        ax.barh(middle, size, left=left, height=height, color=colour, zorder=3 if back else 2)
        covered = min(0.0, float(values["model"])) if part == "train" else 0.0
        if abs(size + covered) >= FEW * span:
            text = f"{values[part]:.1f}".replace("-", "\N{MINUS SIGN}")
            ink = colour if back else "white" if part == "model" else "black"
            above = y + TALL / 2 if back else y
            ax.text(left + (size + covered) / 2, above, text, ha="center",
                    va="bottom" if back else "center", fontsize=6.5, color=ink)  # fmt: skip
        left += size
    (total,) = rows[rows["part"] == WHOLE].to_dict("records")
    has_interval = total["n"] >= FEW_SEEDS
    half = (total["high"] - total["low"]) / 2 if has_interval else None
    if has_interval:
        ax.plot([total["low"], total["high"]], [y - UNDER] * 2, color="black", linewidth=0.9)
    ax.plot([total["mean"]], [y - UNDER], "|", color="black", markersize=5, zorder=4)
    marks.margin(ax, y, style.rounded(total["mean"], half))
