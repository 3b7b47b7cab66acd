"""Figure 7: test ELBO and generalization gap (Eq. 3) against m_z (a, b) and against n_c (c, d)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import curves, style
from analysis.errors import ResultsError
from analysis.figures import layout, marks
from analysis.statistics.intervals import over_seeds

LETTERS = {("m_z", "test_elbo"): "a", ("m_z", "generalization_gap"): "b"}
LETTERS |= {("n_c", "test_elbo"): "c", ("n_c", "generalization_gap"): "d"}
TITLE = "Test ELBO and generalization gap by $m_z$ and $n_c$"
TITLES = {"m_z": "against $m_z$ at one $n_c$", "n_c": "against $n_c$ at each $m_z$"}
DODGE = 0.06  # distance, in doublings, between the sources of one panel


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns both metrics in nats per image over seeds, a row per panel, source, m_z and n_c.

    Raises ResultsError if neither m_z nor n_c is an axis, or if no metric is measured.
    """
    return _table(curves.final(frame))


def _table(finals: pd.DataFrame) -> pd.DataFrame:
    chosen = {"m_z": _over_m_z(finals), "n_c": _over_n_c(finals)}
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
    except ResultsError:  # with one m_z only, panels c and d may still be drawn
        return finals.iloc[:0]


def _over_n_c(finals: pd.DataFrame) -> pd.DataFrame:
    """Selects the sources and m_z that have enough points for a curve."""
    rows = curves.over_n_c(finals)
    widths = rows.groupby(["source", "m_z"])["n_c"].transform("nunique")
    return rows[widths >= curves.FEW_WIDTHS]


def fig7(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws 2 x 2 panels; colour is the source in a and b, and m_z in c and d."""
    finals = curves.final(frame)
    table, order = _table(finals), curves.sources(finals)
    figure = Figure(figsize=(style.inches(style.WIDE), 5.0), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, ((axis, metric), panel) in zip(axes.flat, LETTERS.items(), strict=True):
        marks.title(ax, f"({panel})")
        ax.set_title(TITLES[axis], loc="center")
        ax.set_ylabel(style.LABELS[metric])
        rows = table[table["panel"] == panel]
        if rows.empty:
            marks.empty(ax, f"too few finished $\\mathdefault{{{axis}}}$")
            continue
        ended = curves.stopped(frame)
        ended = ended[ended[axis].isin(rows[axis])]
        if axis == "m_z":
            ended = ended[ended["n_c"].isin(rows["n_c"])]
        for source, part in ended.groupby("source"):
            marks.stopped(ax, part[axis].unique(), style.source_colour(str(source)))
        (_against_m_z if axis == "m_z" else _against_n_c)(ax, rows, order)
        marks.log2_axis(ax, sorted(rows[axis].unique()), axis)
    handles = _legends(table, order)
    title = marks.with_data(TITLE, frame)
    if layout.narrow(figure):
        marks.heading(figure, [*handles[0][0], *handles[1][0]], title)
    else:
        for ax, (entries, above) in zip((axes[0][1], axes[1][1]), handles, strict=True):
            _beside(ax, entries, above)
        figure.suptitle(title, fontsize=8)
    marks.note(figure, [marks.counted(finals, table), *_few(finals, table), note])
    return figure


def _few(finals: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Names the m_z that panels c and d leave out, for want of n_c."""
    widths = finals.groupby("m_z")["n_c"].nunique()
    present = table.loc[table["axis"] == "n_c", "m_z"]
    absent = [str(m_z) for m_z in widths[widths > 1].index if m_z not in set(present)]
    few = f"finished at fewer than {curves.FEW_WIDTHS} n_c"
    return [f"Not in (c) and (d): m_z = {', '.join(absent)}, {few}"] if absent else []


def _against_m_z(ax: Axes, table: pd.DataFrame, order: list[str]) -> None:
    for source, part, shift in _sources(table, order):
        x = part["m_z"] * shift
        look = f"{style.source_marker(source)}-"
        marks.series(ax, x, part, style.source_colour(source), look)


def _against_n_c(ax: Axes, table: pd.DataFrame, order: list[str]) -> None:
    colours = style.m_z_colours(table["m_z"])
    for source, part, shift in _sources(table, order):
        for m_z, row in part.groupby("m_z"):
            look = f"{style.source_marker(source)}{_line(source, order)}"
            colour = colours[int(str(m_z))]
            marks.series(ax, row["n_c"] * shift, row, colour, look)


def _sources(table: pd.DataFrame, order: list[str]) -> list[tuple[str, pd.DataFrame, float]]:
    """Returns each source's rows and a factor that shifts its marks away from the others'."""
    middle = (len(order) - 1) / 2
    return [
        (source, table[table["source"] == source], 2 ** (DODGE * (index - middle)))
        for index, source in enumerate(order)
    ]


def _line(source: str, order: list[str]) -> style.Line:
    return style.LINES[order.index(source) % len(style.LINES)]


def _legends(table: pd.DataFrame, order: list[str]) -> list[tuple[list[Line2D], str]]:
    """Returns the legend handles of the upper and the lower row, each with a title."""
    by_source = [
        Line2D([], [], color=style.source_colour(s), marker=style.source_marker(s),
               label=style.source_label(s))
        for s in order
    ]  # fmt: skip
    fixed = table.loc[table["axis"] == "m_z", "n_c"].unique()
    colours = style.m_z_colours(table.loc[table["axis"] == "n_c", "m_z"])
    rows = [
        Line2D([], [], color=colour, linewidth=2.5, label=f"$m_z={m_z}$")
        for m_z, colour in colours.items()
    ]
    styles = [
        Line2D([], [], color=style.GREY, linestyle=_line(s, order), marker=style.source_marker(s),
               label=style.source_label(s))
        for s in order
    ]  # fmt: skip
    above = f"$n_c={fixed[0]}$" if len(fixed) else ""
    return [(by_source, above), (rows + styles if rows else [], "")]


def _beside(ax: Axes, handles: list[Line2D], title: str) -> None:
    """Draws a legend to the right of the panel."""
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
