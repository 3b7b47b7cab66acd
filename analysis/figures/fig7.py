"""Figure 7: test ELBO and generalization gap (Eq. 3) against m_z (a, b) and against n_c (c, d)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, style
from analysis.figures import marks
from analysis.intervals import over_seeds
from analysis.trial_folder import ResultsError

METRICS = ("test_elbo", "generalization_gap")
LETTERS = {("m_z", "test_elbo"): "a", ("m_z", "generalization_gap"): "b"}
LETTERS |= {("n_c", "test_elbo"): "c", ("n_c", "generalization_gap"): "d"}
DODGE = 0.06  # in doublings, between the sources of one panel


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per panel, source, m_z and n_c: nats per image, over seeds.

    Raises ResultsError where neither m_z nor n_c is an axis, or a metric is not measured.
    """
    return _table(curves.final(frame))


def _table(finals: pd.DataFrame) -> pd.DataFrame:
    chosen = {"m_z": _over_m_z(finals), "n_c": curves.over_n_c(finals)}
    tables = [
        over_seeds(chosen[axis], ["source", "m_z", "n_c"], metric).assign(
            panel=panel, axis=axis, metric=metric
        )
        for (axis, metric), panel in LETTERS.items()
        if len(chosen[axis]) and metric in finals
    ]
    if not sum(map(len, tables)):
        raise ResultsError(
            "Figure 7 needs test_elbo at two m_z of one n_c, or at three n_c of one m_z. "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    table = pd.concat(tables, ignore_index=True)
    return table[["panel", "axis", "metric", *table.columns.drop(["panel", "axis", "metric"])]]


def _over_m_z(finals: pd.DataFrame) -> pd.DataFrame:
    try:
        return curves.over_m_z(finals)
    except ResultsError:  # one m_z only: panels c and d may still be drawn
        return finals.iloc[:0]


def fig7(frame: pd.DataFrame, note: str = "") -> Figure:
    """2 x 2 panels; a, b: colour is the source; c, d: colour is m_z, line style the source."""
    finals = curves.final(frame)
    table, order = _table(finals), curves.sources(finals)
    figure = Figure(figsize=(style.WIDE, 4.7), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, ((axis, metric), panel) in zip(axes.flat, LETTERS.items(), strict=True):
        marks.letter(ax, f"({panel})")
        ax.set_ylabel(style.LABELS[metric])
        here = table[table["panel"] == panel]
        if here.empty:
            marks.empty(ax, f"too few finished $\\mathdefault{{{axis}}}$")
            continue
        ended = curves.stopped(frame)
        ended = ended[ended[axis].isin(here[axis])]
        if axis == "m_z":
            ended = ended[ended["n_c"].isin(here["n_c"])]
        for source, part in ended.groupby("source"):
            marks.stopped(ax, part[axis].unique(), style.source_colour(str(source)))
        (_against_m_z if axis == "m_z" else _against_n_c)(ax, here, order)
        marks.log2_axis(ax, sorted(here[axis].unique()), axis)
    _legends(axes, table, order)
    marks.note(figure, [marks.counted(finals, table), note])
    return figure


def _against_m_z(ax: Axes, table: pd.DataFrame, order: list[str]) -> None:
    for source, part, shift in _sources(table, order):
        x = part["m_z"] * shift
        marks.series(ax, x, part, style.source_colour(source), "o-")


def _against_n_c(ax: Axes, table: pd.DataFrame, order: list[str]) -> None:
    colours = style.m_z_colours(table["m_z"])
    for source, part, shift in _sources(table, order):
        for m_z, row in part.groupby("m_z"):
            look, colour = f"o{_line(source, order)}", colours[int(str(m_z))]
            marks.series(ax, row["n_c"] * shift, row, colour, look)


def _sources(table: pd.DataFrame, order: list[str]) -> list[tuple[str, pd.DataFrame, float]]:
    """Each source's rows and the factor that sets its marks beside those of the others."""
    middle = (len(order) - 1) / 2
    return [
        (source, table[table["source"] == source], 2 ** (DODGE * (at - middle)))
        for at, source in enumerate(order)
    ]


def _line(source: str, order: list[str]) -> style.Line:
    return style.LINES[order.index(source) % len(style.LINES)]


def _legends(axes: list[list[Axes]], table: pd.DataFrame, order: list[str]) -> None:
    """Right of the rows, outside of the panels."""
    by_source = [
        Line2D([], [], color=style.source_colour(s), marker="o", label=style.source_label(s))
        for s in order
    ]
    fixed = table.loc[table["axis"] == "m_z", "n_c"].unique()
    _beside(axes[0][1], by_source, f"$n_c={fixed[0]}$" if len(fixed) else "")
    colours = style.m_z_colours(table.loc[table["axis"] == "n_c", "m_z"])
    rows = [
        Line2D([], [], color=colour, marker="o", label=f"$m_z={m_z}$")
        for m_z, colour in colours.items()
    ]
    styles = [
        Line2D([], [], color="#555555", linestyle=_line(s, order), label=style.source_label(s))
        for s in order
    ]
    _beside(axes[1][1], rows + styles if rows else [], "")


def _beside(ax: Axes, handles: list[Line2D], title: str) -> None:
    if handles:
        ax.legend(
            handles=handles,
            title=title,
            loc="upper left",
            bbox_to_anchor=(1.02, 1.0),
            borderaxespad=0.0,
            title_fontsize=7,
            alignment="left",
        )
