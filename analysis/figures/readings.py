"""Readings of what the paper leaves open: how each differs from the default."""

import math
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.readings import Reading, lines, setting
from analysis.readings import readings as compared
from analysis.statistics import levels
from analysis.statistics.intervals import FEW_SEEDS, Interval
from analysis.statistics.planned import RATE

ROW, FRAME = 0.24, 1.35  # inches of a row, and of everything but the rows
SHOWN, ALONE = "#b2182b", "#b57600"  # an effect shown among all, and one only by itself
OTHER = "No point in (a): other test images, whose ELBOs do not compare with the default's."
MEASURES = ("test_elbo", "generalization_gap")


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the differences from the default in nats per image, a row per reading.

    Intervals are 95 % each; `p` is that of the test ELBO's difference, `q` the same adjusted for
    all readings. Where the test images differ, the columns of the test ELBO are NaN. Raises
    ResultsError if every trial has the default reading.
    """
    rows = []
    for reading in compared(frame):
        row: dict[str, object] = {"reading": setting(reading), "source": reading.source}
        for name in MEASURES:
            interval = _interval(reading, name)
            row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
        row |= {"n": reading.test_elbo.n, "level": reading.level}
        rows.append(row | {"p": reading.p, "q": reading.q, "verdict": reading.verdict})
    return pd.DataFrame(rows)


def text(frame: pd.DataFrame, suffix: str = "txt") -> list[str]:
    """Returns the lines of the comparison (txt), or its table as Markdown (md) or LaTeX (tex)."""
    if suffix == "txt":
        return lines(compared(frame))
    table = numbers(frame)
    rows = [["reading", "source", "test ELBO (nats)", "n", "q", "verdict"]]
    for row in table.to_dict("records"):
        mean, low, high = (row[f"test_elbo{end}"] for end in ("", "_low", "_high"))
        ends = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]" if mean == mean else "-"
        q = f"{row['q']:.2g}" if row["q"] == row["q"] else "-"
        cells = [row["reading"], row["source"], ends, row["n"], q, row["verdict"]]
        rows.append([str(cell) for cell in cells])
    if suffix == "md":
        return ["| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * 6, *rows[1:]]]
    body = [" & ".join(row).replace("_", r"\_").replace("%", r"\%") + r" \\" for row in rows]
    return [r"\begin{tabular}{lllrrl}", *body, r"\end{tabular}"]


def readings(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the difference in test ELBO on the left, in generalization gap on the right.

    Raises ResultsError if no pair of trials differs in a single reading.
    """
    items = sorted(compared(frame), key=lambda reading: reading.test_elbo.mean, reverse=True)
    if not items:
        raise ResultsError(
            "No two of these trials differ in a single reading of the paper. "
            "Run scaling-vae study readings."
        )
    width = style.inches(style.WIDE)
    lined = 2 if width < style.COLUMN else 1  # lines of a label
    figure = Figure(figsize=(width, FRAME + lined * ROW * len(items)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for ax, name, letter in zip(panels, MEASURES, "ab", strict=True):
        _differences(ax, items, name)
        marks.title(ax, f"({letter})")
    panels[0].set_xlabel("difference in\ntest ELBO (nats)")
    panels[1].set_xlabel("difference in\ngeneralization\ngap (nats)")
    panels[0].set_yticks(range(len(items)), [_label(reading, lined) for reading in items])
    panels[0].set_ylim(len(items) - 0.5, -0.5)
    figure.suptitle(marks.with_data("Readings of the paper minus the default", frame), fontsize=8)
    counted = {levels.counted(reading.test_elbo.n, reading.level): None for reading in items}
    marks.note(figure, [
        f"95 % intervals over {'; '.join(counted)}. Marks in both "
        "panels are about the test ELBO. Squares: a difference is shown among all readings (q at "
        f"most {RATE:g}). Triangles: it would be shown if it were the only reading.",
        "" if all(reading.compares for reading in items) else OTHER,
        note,
    ])  # fmt: skip
    return figure


def _interval(reading: Reading, name: str) -> Interval:
    """Returns a difference; NaN for the test ELBO of other test images."""
    interval: Interval = getattr(reading, name)
    if name == "test_elbo" and not reading.compares:
        return replace(interval, mean=math.nan, low=math.nan, high=math.nan)
    return interval


def _label(reading: Reading, lined: int) -> str:
    text = f"{setting(reading)}, {style.source_label(reading.source)}"
    return text.replace("=", "\n= ", 1) if lined > 1 else text


def _differences(ax: Axes, items: list[Reading], name: str) -> None:
    """Draws a row for each reading; colour and marker show how sure its effect on the ELBO is."""
    ax.axvline(0.0, color=style.GREY, linewidth=0.8, linestyle="--")
    for y, reading in enumerate(items):
        interval = _interval(reading, name)
        half = [[interval.mean - interval.low], [interval.high - interval.mean]]
        marker, colour = _look(reading)
        bars = half if interval.n >= FEW_SEEDS else None
        ax.errorbar([interval.mean], [y], xerr=bars, fmt=marker, color=colour, elinewidth=0.9)


def _look(reading: Reading) -> tuple[str, str]:
    """Returns the marker and the colour of a reading."""
    if reading.verdict in ("raises it", "lowers it"):
        return "s", SHOWN
    return ("^", ALONE) if reading.verdict.endswith("only reading") else ("o", style.GREY)
