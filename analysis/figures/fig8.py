"""Figure 8: negative test ELBO along the path that raises n_c, then m_z, then n_c again."""

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from analysis import curves, style
from analysis.double_descent import descent, paths, verdicts
from analysis.figures import along_path, free_labels, layout, marks
from analysis.selection.bound import bound_of

MANY_POINTS = 12  # with more points the tick labels are small
EARLY: style.Line = "--"  # the curve at the best validation epoch
EARLY_COLOUR = "#222222"

numbers = along_path.numbers


def fig8(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the path's points in their order on the left, and by parameters (log) on the right."""
    finals, lead, verdict = (
        curves.final(frame),
        curves.lead(frame),
        along_path.verdict_of(frame),
    )
    table, steps = along_path.table_of(frame, finals, verdict), along_path.steps_of(frame, verdict)
    early = along_path.early(frame, verdict)
    main = table[table["source"] == lead]
    figure = Figure(figsize=(style.inches(style.WIDE), 4.1), layout="constrained")
    path, size = figure.subplots(1, 2, sharey=True, width_ratios=[2.1, 1])
    label = style.LABELS["negative_test_elbo"].replace(" (", "\n(")
    path.set_ylabel(label.replace("test ELBO", bound_of(frame) or "test ELBO"))
    marks.title(path, "(a)")
    marks.title(size, "(b)")
    _in_order(path, table, lead, steps)
    _draw_stopped(path, frame, steps)
    handles = _handles(table, lead, steps)
    if early is not None:
        handles.append(_draw_early(path, early[early["source"] == lead]))
    marks.heading(figure, handles, _title(frame, verdict))
    marks.note(figure, [*_notes(frame, finals, main, verdict), *_fewer(table, lead), note])
    _against_parameters(size, main)
    layout.stack(figure)
    ink = [_ink(table), *([] if early is None else [_ink(early[early["source"] == lead])])]
    free_labels.label_points(path, _key_points(main), np.concatenate(ink))
    return figure


def _title(frame: pd.DataFrame, verdict: descent.Verdict | None) -> str:
    """Returns the title: data set and verdict."""
    datasets = frame.get("dataset", pd.Series(dtype=str)).dropna()
    data = f"{style.dataset_label(str(datasets.iloc[0]))}: " if len(datasets) else ""
    if verdict is None:
        return f"{data}negative test ELBO along the path; too few trials finished for a verdict"
    return (
        f"{data}{verdict.sentence[:1].lower()}{verdict.sentence[1:]}" if data else verdict.sentence
    )


def _notes(
    frame: pd.DataFrame, finals: pd.DataFrame, main: pd.DataFrame, verdict: descent.Verdict | None
) -> list[str]:
    """Returns notes on level and epochs, unfinished trials, and the best validation epoch."""
    lead = curves.lead(frame)
    planned = paths.path(frame, lead)
    lacking = marks.lacking(paths.missing(frame, finals, planned, lead, "test_elbo"))
    notes = [marks.counted(finals, main), lacking]
    if verdict:
        out = ", ".join(f"({m_z}, {n_c})" for m_z, n_c in verdict.left_out)
        notes += [verdicts.best_line(frame, verdict).strip()]
        notes += [f"Left out of the path, with fewer draws: {out}"] if out else []
    return notes


def _fewer(table: pd.DataFrame, lead: str) -> list[str]:
    """Returns a note on each other source whose means are of fewer draws than those of the path."""
    counts = {source: part["n"] for source, part in table.groupby("source")}
    most = counts[lead].max()
    return [
        f"{style.source_label(name)}: means of {marks.span(counts[name])} of these {most} draws, "
        "which may differ from the others: compare it draw by draw"
        for name in _others(table, lead)
        if counts[name].max() < most
    ]


def _draw_stopped(ax: Axes, frame: pd.DataFrame, steps: pd.DataFrame) -> None:
    """Marks the points of the path at which trials ended early by their own rule."""
    ended = curves.stopped(frame)[["m_z", "n_c", "source"]].drop_duplicates()
    on_path = ended.merge(steps.reset_index(names="order"), on=["m_z", "n_c"])
    for source, part in on_path.groupby("source"):
        marks.stopped(ax, part["order"], style.source_colour(str(source)))


def _draw_early(ax: Axes, early: pd.DataFrame) -> Line2D:
    """Draws the curve at the best validation epoch, and returns its legend handle."""
    marks.series(ax, early["order"], early, EARLY_COLOUR, f".{EARLY}", width=0.9)
    label = f"at the {curves.BEST}"
    return Line2D([], [], color=EARLY_COLOUR, linestyle=EARLY, linewidth=0.9, marker=".",
                  label=label)  # fmt: skip


def _against_parameters(ax: Axes, main: pd.DataFrame) -> None:
    if "parameters" not in main:
        marks.empty(ax, "parameters not recorded")
        return
    _phases(ax, main["parameters"].to_numpy(dtype=float), main)
    ax.set_xscale("log")
    ax.set_xlabel(style.LABELS["parameters"])
    ax.margins(x=0.14, y=0.17)


def _in_order(ax: Axes, table: pd.DataFrame, lead: str, steps: pd.DataFrame) -> None:
    for source in _others(table, lead):
        part = table[table["source"] == source]
        look = f"{style.source_marker(source)}-"
        marks.series(ax, part["order"], part, style.source_colour(source), look, width=0.8)
    main = table[table["source"] == lead]
    if len(main) < len(table):
        ax.set_title(f"phases: {style.source_label(lead)} training", loc="right", **style.NOTE)
    _phases(ax, main["order"].to_numpy(dtype=float), main)
    size = style.SMALLEST if len(steps) > MANY_POINTS else rcParams["xtick.labelsize"]
    ax.set_xticks(range(len(steps)), [f"{p.m_z}\n{p.n_c}" for p in steps.itertuples()])
    ax.tick_params(axis="x", labelsize=size)
    ax.tick_params(labelleft=True)
    ax.set_xlabel(style.LABELS["order"])
    corner = ax.transAxes + ScaledTranslation(-14 / 72, -3.5 / 72, ax.figure.dpi_scale_trans)
    heads = ax.text(0, 0, "$m_z=$\n$n_c=$", transform=corner, ha="right", va="top")
    heads.set_fontsize(size)


def _others(table: pd.DataFrame, lead: str) -> list[str]:
    return [name for name in curves.sources(table.assign(kind="vae")) if name != lead]


def _phases(ax: Axes, x: np.ndarray, main: pd.DataFrame) -> None:
    """Draws each phase in its colour; its line starts at the last point of the phase before."""
    y = main["mean"].to_numpy()
    for phase, colour in style.PHASE_COLOURS.items():
        indices = np.flatnonzero(main["phase"] == phase)
        if len(indices):
            line = slice(max(indices[0] - 1, 0), indices[-1] + 1)
            ax.plot(x[line], y[line], color=colour, zorder=3)
            marks.series(ax, x[indices], main.iloc[indices], colour, style.PHASE_MARKERS[phase])
    marked = np.flatnonzero(main["role"] != "")
    (rings,) = ax.plot(x[marked], y[marked], "o", color="#222222", zorder=4)
    rings.set(markersize=2 * marks.CLEAR, markerfacecolor="none", markeredgewidth=0.9)


def _key_points(main: pd.DataFrame) -> dict[tuple[float, float], str]:
    """Returns labels for the minima and the peak."""
    key = main[main["role"] != ""]
    places = zip(key["order"].astype(float), key["mean"], strict=True)
    return dict(zip(places, key["role"], strict=True))


def _ink(table: pd.DataFrame) -> np.ndarray:
    """Returns points (order, y) on everything drawn: lines, intervals and seeds of each source."""
    points = []
    for _, part in table.groupby("source"):
        x, y = part["order"].to_numpy(dtype=float), part["mean"].to_numpy()
        fine = np.linspace(0, len(x) - 1, 40 * len(x))
        positions = np.arange(len(x))
        line = np.stack([np.interp(fine, positions, x), np.interp(fine, positions, y)], axis=1)
        bars = np.linspace(part["low"].fillna(part["mean"]), part["high"].fillna(part["mean"]), 15)
        upright = np.concatenate([bars.T, marks.seed_values(part).to_numpy()], axis=1)
        columns = np.stack([np.broadcast_to(x[:, None], upright.shape), upright], axis=-1)
        points.append(np.concatenate([line, columns.reshape(-1, 2)]))
    ink = np.concatenate(points)
    return np.asarray(ink[~np.isnan(ink[:, 1])])


def _handles(table: pd.DataFrame, lead: str, steps: pd.DataFrame) -> list[Line2D]:
    first, last = steps["m_z"].min(), steps["m_z"].max()
    turn = steps.loc[steps["phase"] == 2, "n_c"].iloc[0]
    handles = []
    for phase, colour in style.PHASE_COLOURS.items():
        if (steps["phase"] == phase).any():
            text = style.PHASE_LABELS[phase].format(first=first, turn=turn, last=last)
            marker = style.PHASE_MARKERS[phase]
            handles.append(Line2D([], [], color=colour, marker=marker, label=text))
    for source in _others(table, lead):
        colour, label = style.source_colour(source), style.source_label(source)
        marker = style.source_marker(source)
        handles.append(Line2D([], [], color=colour, linewidth=0.8, marker=marker, label=label))
    return handles
