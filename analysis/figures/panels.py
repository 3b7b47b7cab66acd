"""Panels over epochs with the gap at the end below each: what Figures 2, 5, 6, 10-12, 14 share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, lines, style
from analysis.figures import marks
from analysis.folders import ResultsError

ROW = 0.2  # inches of a line in the lower panels
UPPER = 2.0  # inches
AROUND = 1.55  # inches of titles, legends, labels and notes
GREY = "#555555"


@dataclass(frozen=True)
class Panel:
    """A metric drawn solid, one drawn dashed, and the gap between them at the end."""

    title: str
    label: str  # of the y axis, with its unit
    solid: tuple[str, str]  # metric, its words
    dashed: tuple[str, str] | None
    gap: str | None


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
    """How a line is named and coloured."""

    label: str
    colour: str


Looks = Mapping[str, Look]


def sources(names: Sequence[str]) -> dict[str, Look]:
    """The looks of training distributions."""
    return {name: Look(style.source_label(name), style.source_colour(name)) for name in names}


def numbers(frame: pd.DataFrame, panels: Sequence[Panel], looks: Looks) -> pd.DataFrame:
    """A row per panel, metric, line and epoch (`part` epochs), and per gap and line (`part` end).

    ELBOs and their gaps in nats per image. Raises ResultsError where nothing is measured.
    """
    kept = lines.drawn(frame, ["line"])
    tables = []
    for panel in panels:
        for metric in [pair[0] for pair in (panel.solid, panel.dashed) if pair]:
            table = lines.over_epochs(kept, metric, ["line"])
            tables.append(table.assign(panel=panel.title, part="epochs", metric=metric))
        if panel.gap:
            table = lines.at_the_end(kept, panel.gap, ["line"])
            tables.append(table.assign(panel=panel.title, part="end", metric=panel.gap))
    table = pd.concat([table for table in tables if len(table)] or [pd.DataFrame()])
    if table.empty:
        raise ResultsError(
            f"None of {', '.join(panel.solid[0] for panel in panels)} is measured here. "
            "Run the study again, or give another folder with --results FOLDER."
        )
    order = {line: at for at, line in enumerate(looks)}
    first = ["panel", "part", "metric", "line", "epoch"]
    table = table.assign(order=table["line"].map(order)).sort_values("order", kind="stable")
    table = table.sort_values(["part", "metric"], key=_rank(panels), kind="stable")
    return table[[*first, *table.columns.drop([*first, "order"])]].reset_index(drop=True)


def _rank(panels: Sequence[Panel]):  # type: ignore[no-untyped-def]
    """Sorts parts and metrics in the order in which the panels show them."""
    shown = ["epochs", "end"]
    shown += [m for p in panels for m in (p.solid[0], *(p.dashed or ())[:1], p.gap) if m]
    return lambda column: column.map({name: at for at, name in enumerate(shown)})


def draw(
    table: pd.DataFrame,
    panels: Sequence[Panel],
    looks: Looks,
    title: str,
    notes: Sequence[str],
    turns: Mapping[int, str] | None = None,
) -> Figure:
    """Above each metric over epochs, below the gap at the end; `turns`: epochs with a dotted line.

    Bands and bars are 95 % intervals over seeds, dots are seeds.
    """
    here = {line: look for line, look in looks.items() if line in set(table["line"])}
    gaps = any(panel.gap for panel in panels)
    below = (ROW * len(here) + 0.15) * gaps
    width = style.WIDE if len(panels) > 1 else style.NARROW
    figure = Figure(figsize=(width, UPPER + below + AROUND), layout="constrained")
    figure.suptitle(title, **style.TITLE)
    heights = [UPPER, below] if gaps else [UPPER]
    rows = figure.subplots(len(heights), len(panels), squeeze=False, height_ratios=heights)
    for at, panel in enumerate(panels):
        part = table[table["panel"] == panel.title]
        letter = f"({'abc'[at]}) " if len(panels) > 1 else ""
        rows[0][at].set_title(letter + panel.title, loc="left", pad=15, fontweight="bold")
        over_epochs(rows[0][at], part[part["part"] == "epochs"], panel, here, turns or {})
        if gaps:
            _gaps(rows[1][at], part[part["part"] == "end"], panel, here)
            rows[1][at].tick_params(axis="y", labelleft=at == 0)
    legend(figure, here, turns or {})
    marks.note(figure, notes)
    return figure


def notes(frame: pd.DataFrame, found: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Seeds and epochs behind what is drawn, and what of the chosen trials is not finished."""
    last = curves.last_values(lines.drawn(found, ["line"]))
    return [marks.counted(last, table), marks.lacking(lines.unfinished(frame, found))]


def over_epochs(
    ax: Axes,
    table: pd.DataFrame,
    panel: Panel,
    looks: Looks,
    turns: Mapping[int, str],
    second: str = "--",
) -> None:
    """The panel's metrics, `second` being the style of the one that is not solid."""
    ax.set_xlabel(style.LABELS["epoch"])
    ax.set_ylabel(panel.label)
    if table.empty:
        return marks.empty(ax, "not measured")
    shown = [(*panel.solid, "-")] + ([(*panel.dashed, second)] if panel.dashed else [])
    for metric, _, look in shown:
        for line, part in table[table["metric"] == metric].groupby("line"):
            marks.curve(ax, part, looks[str(line)].colour, look)
    for epoch in turns:
        ax.axvline(epoch, color=GREY, linestyle=":", linewidth=0.9)
    marks.zoom(ax, table)
    handles = [Line2D([], [], color=GREY, linestyle=look, label=words) for _, words, look in shown]
    if panel.dashed:
        ax.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 0.985), ncols=2,
            borderaxespad=0.0, columnspacing=1.0, handlelength=1.8,
        )  # fmt: skip


def _gaps(ax: Axes, table: pd.DataFrame, panel: Panel, looks: Looks) -> None:
    """A row per line: seeds, mean and interval of the gap, its value above."""
    rows = {line: len(looks) - 1 - at for at, line in enumerate(looks)}
    ax.set_ylim(-0.5, len(looks) - 0.3)
    ax.set_yticks(list(rows.values()), [looks[line].label for line in rows])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(style.LABELS[panel.gap or ""].replace("\n", " "))
    if table.empty:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center")
        return ax.set_xticks([])
    for line, part in table.groupby("line"):
        marks.row(ax, rows[str(line)], part, looks[str(line)].colour)
    ax.margins(x=0.2)


def legend(figure: Figure, looks: Looks, turns: Mapping[int, str]) -> None:
    """The lines' colours and the dotted epochs, above the panels."""
    handles = [Line2D([], [], color=look.colour, label=look.label) for look in looks.values()]
    for words in dict.fromkeys(turns.values()):
        handles.append(Line2D([], [], color=GREY, linestyle=":", linewidth=0.9, label=words))
    columns = len(handles) if figure.get_figwidth() > style.NARROW else 2
    figure.legend(handles=handles, loc="outside upper center", ncols=min(columns, 5))
