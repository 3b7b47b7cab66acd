"""Draws panels over epochs with last values below each, for Figures 2, 5, 6 and 10 to 14."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis import style
from analysis.figures import layout, marks
from analysis.statistics.intervals import FEW_SEEDS

ROW = 0.2  # inches per line in the lower panels
UPPER = 2.0  # inches of the upper panels' height
TICKS = 3  # most steps on the x axis of a lower panel, which is narrow
ASIDE = 0.008  # distance between intervals at the last epoch, as a share of the epochs
AROUND = 1.55  # inches for titles, legends, labels and notes


@dataclass(frozen=True)
class Panel:
    """Describes a panel: a solid and a dashed metric, and the gap between them at the end."""

    title: str
    label: str  # of the y axis, with its unit
    solid: tuple[str, str]  # metric, its words
    dashed: tuple[str, str] | None = None
    end: str | None = None  # metric whose last values are shown below
    second: style.Line = "--"  # how `dashed` is drawn

    @property
    def shown(self) -> list[tuple[str, str, style.Line]]:
        """Returns metric, label and line style of each."""
        dashed = [(*self.dashed, self.second)] if self.dashed else []
        return [(*self.solid, "-"), *dashed]

    @property
    def handles(self) -> list[Line2D]:
        """Returns handles for a legend of the line styles."""
        return [
            Line2D([], [], color=style.GREY, linestyle=line, label=label)
            for _, label, line in self.shown
        ]


GENERALIZATION = Panel(
    "generalization", style.LABELS["elbo"], ("test_elbo", r"$D_\mathrm{test}$"),
    ("train_elbo", r"$D_\mathrm{train}$"), "generalization_gap",
)  # fmt: skip
AMORTIZATION = Panel(
    "amortized inference", "ELBO on $D_\\mathrm{test}$\n(nats per image)",
    ("encoder_elbo", "ELBO"), ("optimal_elbo", "ELBO*"), "amortization_gap",
)  # fmt: skip
ROBUSTNESS = Panel(
    "robustness", "MS-SSIM under attack", ("ms_ssim_reconstruction", "reconstructions"),
    ("ms_ssim_input", "images"), "robustness_gap",
)  # fmt: skip
ALL = (GENERALIZATION, AMORTIZATION, ROBUSTNESS)


@dataclass(frozen=True)
class Look:
    """Holds the label, colour and marker of a line."""

    label: str
    colour: str
    marker: str = "o"


Looks = Mapping[str, Look]


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Returns the looks of training distributions."""
    return {
        name: Look(style.source_label(name), style.source_colour(name), style.source_marker(name))
        for name in names
    }


def present(table: pd.DataFrame, looks: Looks) -> dict[str, Look]:
    """Returns the looks of the lines that the table has."""
    return {line: look for line, look in looks.items() if line in set(table["line"])}


def draw(
    table: pd.DataFrame,
    panels: Sequence[Panel],
    looks: Looks,
    title: str,
    notes: Sequence[str],
    turns: Mapping[int, str] | None = None,
) -> Figure:
    """Draws each metric over epochs, and its last values below; `turns` are dotted epochs.

    Lines are means, bars are 95 % intervals over draws, dots are draws. Panels without measured
    values are left out, and a note says so.
    """
    absent = [panel.title for panel in panels if panel.title not in set(table["panel"])]
    panels = [panel for panel in panels if panel.title not in absent]
    lacking = f"Not measured: {', '.join(absent)}." if absent else ""
    notes = [*notes[:-1], lacking, *notes[-1:]]
    shown_looks, across = present(table, looks), len(panels)
    below = ROW * len(shown_looks) + 0.15 if any(panel.end for panel in panels) else 0.0
    figure = canvas(across, below)
    for index, panel in enumerate(panels):
        part = table[table["panel"] == panel.title]
        letter = f"({'abc'[index]}) " if across > 1 else ""
        figure.axes[index].set_title(letter + panel.title, loc="left", pad=15, fontweight="bold")
        over_epochs(
            figure.axes[index], part[part["part"] == "epochs"], panel, shown_looks, turns or {}
        )
        _styles(figure.axes[index], panel)
        if below:
            _ends(figure.axes[across + index], part[part["part"] == "end"], panel, shown_looks)
            figure.axes[across + index].tick_params(axis="y", labelleft=index == 0)
    marks.heading(figure, handles(shown_looks, turns or {}), title)
    marks.note(figure, notes)
    if below:
        layout.widen(figure, across)
    return figure


def canvas(across: int, below: float = 0.0) -> Figure:
    """Returns a figure with `across` panels side by side and, if `below` inches, a row below."""
    width = style.inches(style.WIDE if across > 1 else style.NARROW)
    figure = Figure(figsize=(width, UPPER + below + AROUND), layout="constrained")
    heights = [UPPER, below] if below else [UPPER]
    figure.subplots(len(heights), across, height_ratios=heights)
    return figure


def over_epochs(
    ax: Axes,
    table: pd.DataFrame,
    panel: Panel,
    looks: Looks,
    turns: Mapping[int, str],
) -> None:
    """Draws the panel's metrics over epochs, with a dotted line at each epoch of `turns`."""
    ax.set_xlabel(style.LABELS["epoch"])
    ax.set_ylabel(panel.label)
    if table.empty:
        marks.empty(ax, "not measured")
        return
    for metric, _, look in panel.shown:
        for line, part in table[table["metric"] == metric].groupby("line"):
            line_look = looks[str(line)]
            marks.curve(ax, part, line_look.colour, look, line_look.marker, band=False)
    for epoch in turns:
        ax.axvline(epoch, color=style.GREY, linestyle=":", linewidth=0.9)
    if panel.end is None:
        _bars(ax, table, looks)
    marks.zoom(ax, table, bands=False)


def _bars(ax: Axes, table: pd.DataFrame, looks: Looks) -> None:
    """Draws intervals at the last epoch side by side, since bands of several lines would blend."""
    last = table[table["epoch"] == table.groupby(["metric", "line"])["epoch"].transform("max")]
    last = last[last["n"] >= FEW_SEEDS]
    step = ASIDE * float(table["epoch"].max())
    for index, row in enumerate(last.to_dict("records")):
        ax.plot(
            [row["epoch"] + (index + 1) * step] * 2, [row["low"], row["high"]], clip_on=False,
            color=looks[row["line"]].colour, linewidth=1.0, solid_capstyle="butt",
        )  # fmt: skip


def _styles(ax: Axes, panel: Panel) -> None:
    """Draws a legend of the line styles between the panel's title and its axes."""
    if panel.dashed:
        ax.legend(
            handles=panel.handles, loc="lower left", bbox_to_anchor=(-0.02, 0.985), ncols=2,
            borderaxespad=0.0, columnspacing=0.8, handlelength=1.5, handletextpad=0.4,
        )  # fmt: skip


def _ends(ax: Axes, table: pd.DataFrame, panel: Panel, looks: Looks) -> None:
    """Draws a row per line: draws, mean and interval of the last value, and its number."""
    rows = {line: len(looks) - 1 - index for index, line in enumerate(looks)}
    ax.set_ylim(-0.5, len(looks) - 0.3)
    ax.set_yticks(list(rows.values()), [looks[line].label for line in rows])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(style.LABELS[panel.end or ""].replace("\n", " ").partition(" ")[2])
    if table.empty:
        ax.set_xticks([])
    for line, look in looks.items():
        part = table[table["line"] == line]
        if len(part):
            marks.row(ax, rows[line], part, look.colour, look.marker)
        else:
            marks.margin(ax, rows[line], "not measured")
    ax.margins(x=0.08)
    marks.not_negative(ax, table["low"].fillna(table["mean"]))
    ax.xaxis.set_major_locator(MaxNLocator(TICKS))


def handles(looks: Looks, turns: Mapping[int, str]) -> list[Line2D]:
    """Returns legend handles of the lines' colours and the dotted epochs."""
    entries = [
        Line2D([], [], color=look.colour, marker=look.marker, label=look.label)
        for look in looks.values()
    ]
    for label in dict.fromkeys(turns.values()):
        entries.append(Line2D([], [], color=style.GREY, linestyle=":", linewidth=0.9, label=label))
    return entries
