"""Test ELBO over (m_z, n_c) as a heat map, with lines of equal parameters and Figure 8's path."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis import curves, style
from analysis.double_descent import paths
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.selection import early
from analysis.statistics.intervals import over_seeds

PLACE = ["source", "m_z", "n_c"]
MOST = 2  # largest number of sources drawn
FEW_SIZES = 6  # least number of cells from which other cells' sizes are computed
CLIP = 0.1  # share of the largest values that have the same colour
EXACT = 0.01  # largest relative error of a computed size
CELL = 0.42  # inches


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns negative test ELBOs in nats per image over draws, a row per source and (m_z, n_c).

    Raises ResultsError if fewer than two cells are finished.
    """
    finals = curves.final(frame)
    sources = curves.sources(frame)[:MOST]
    finals = finals[finals["source"].isin(sources)]
    if "test_elbo" not in finals or len(finals[["m_z", "n_c"]].drop_duplicates()) < 2:
        raise ResultsError(
            "The heat map needs test_elbo at two (m_z, n_c). "
            "Run the study's whole grid: scaling-vae study double_descent."
        )
    finals["negative_test_elbo"] = -finals["test_elbo"]
    table = over_seeds(finals, PLACE, "negative_test_elbo")
    if "parameters" in finals:
        sizes = finals.groupby(PLACE)["parameters"].first().astype(float)
        table.insert(
            3, "parameters", sizes.reindex(pd.MultiIndex.from_frame(table[PLACE])).to_numpy()
        )
    return table


def heat(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a panel per source, with n_c across and m_z up; hatched cells are not run."""
    table = numbers(frame)
    sources = [name for name in curves.sources(frame) if name in set(table["source"])]
    m_z, n_c = (sorted(int(v) for v in table[name].unique()) for name in ("m_z", "n_c"))
    height = CELL * len(m_z) + 1.9
    figure = Figure(figsize=(style.inches(style.WIDE), height), layout="constrained")
    axes = figure.subplots(1, len(sources), squeeze=False, sharey=True)[0]
    top = float(np.quantile(table["mean"], 1 - CLIP))
    colours = Normalize(float(table["mean"].min()), top)
    for ax, source in zip(axes, sources, strict=True):
        rows = table[table["source"] == source]
        _cells(ax, rows, m_z, n_c, colours)
        ax.set_title(style.source_label(source), loc="left", fontweight="bold", pad=14)
        _contours(ax, table, m_z, n_c)
        _path(ax, frame, source, m_z, n_c)
        ax.set_xlabel(style.LABELS["n_c"])
    axes[0].set_ylabel(style.LABELS["m_z"])
    mesh = axes[-1].collections[0]
    label = "negative test ELBO\n(nats per image)"
    figure.colorbar(mesh, ax=list(axes), label=label, extend="max", aspect=14, pad=0.02)
    title = marks.with_data("Test loss by latent multiplier and width", frame)
    figure.suptitle(title, fontsize=8)
    legend = (
        f"Cells: mean over {marks.draws(table)}, {early.taken(frame)}; hatched: not run; "
        "dashed: equal numbers of parameters, labelled above; black: the path of Figure 8; "
        f"colours end at {top:.1f}"
    )
    marks.note(figure, [legend, note])
    return figure


def _cells(
    ax: Axes, rows: pd.DataFrame, m_z: list[int], n_c: list[int], colours: Normalize
) -> None:
    """Draws colours and values of measured cells, and hatches for the others."""
    grid = rows.pivot(index="m_z", columns="n_c", values="mean").reindex(index=m_z, columns=n_c)
    values = grid.to_numpy(dtype=float)
    x, y = np.arange(len(n_c)), np.arange(len(m_z))
    ax.pcolormesh(x, y, values, shading="nearest", cmap="viridis_r", norm=colours)
    for row, column in zip(*np.nonzero(np.isnan(values)), strict=True):
        corner = (column - 0.5, row - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", ec="#dddddd", lw=0))
    for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
        value = values[row, column]
        ink = "white" if colours(value) > 0.55 else "black"
        text = f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"
        shade = colormaps["viridis_r"](colours(value))
        ax.text(
            column, row, text, ha="center", va="center", fontsize=6.5, color=ink, zorder=5,
            bbox={"facecolor": shade, "edgecolor": "none", "pad": 1.2},  # hides lines behind it
        )  # fmt: skip
    ax.set_xticks(x, [str(v) for v in n_c])
    ax.set_yticks(y, [str(v) for v in m_z])
    ax.grid(visible=False)


def sizes(table: pd.DataFrame, m_z: np.ndarray, n_c: np.ndarray) -> np.ndarray | None:
    """Computes the number of parameters at any (m_z, n_c), None if the measured cells do not fit.

    A convolutional network has P = a n_c^2 + b n_c + c m_z n_c + d m_z + e parameters. This is
    fitted to the known cells, and used if it is right for all of them.
    """
    if "parameters" not in table:
        return None
    cells = table.dropna(subset=["parameters"]).drop_duplicates(["m_z", "n_c"])
    if len(cells) < FEW_SIZES:
        return None
    truth = cells["parameters"].to_numpy(dtype=float)
    terms = _terms(cells["m_z"].to_numpy(float), cells["n_c"].to_numpy(float))
    coefficients, *_ = np.linalg.lstsq(terms / truth[:, None], np.ones(len(truth)), rcond=None)
    if np.abs(terms @ coefficients / truth - 1).max() > EXACT:
        return None
    return np.asarray(_terms(m_z, n_c) @ coefficients)


def _terms(m_z: np.ndarray, n_c: np.ndarray) -> np.ndarray:
    return np.stack([n_c**2, n_c, m_z * n_c, m_z, np.ones_like(n_c)], axis=-1)


def _contours(ax: Axes, table: pd.DataFrame, m_z: list[int], n_c: list[int]) -> None:
    """Draws lines of equal numbers of parameters, at powers of ten."""
    if len(m_z) < 2 or len(n_c) < 2:
        return
    x, y = (np.linspace(-0.5, len(values) - 0.5, 200) for values in (n_c, m_z))
    counts = sizes(table, *np.meshgrid(_between(y, m_z), _between(x, n_c), indexing="ij"))
    if counts is None or counts.min() <= 0:
        return
    low, high = np.log10(counts.min()), np.log10(counts.max())
    levels = [10.0**power for power in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    levels = [level for level in levels if counts[-1, 0] < level <= counts[-1, -1]]
    if not levels:
        return
    ax.contour(x, y, counts, levels=levels, colors="#444444", linewidths=0.8, linestyles="--")
    for level in levels:
        place = (x[np.argmax(counts[-1] >= level)], y[-1])
        text = f"$10^{{{np.log10(level):.0f}}}$"
        ax.annotate(text, place, (0, 1), textcoords="offset points", ha="center", va="bottom",
                    fontsize=6.5, color="#444444")  # fmt: skip


def _between(positions: np.ndarray, values: list[int]) -> np.ndarray:
    """Interpolates and extrapolates the grid's values at positions, linearly in their logarithm."""
    logs = np.log(values)
    knots = [2 * logs[0] - logs[1], *logs, 2 * logs[-1] - logs[-2]]
    return np.asarray(np.exp(np.interp(positions, np.arange(-1, len(values) + 1), knots)))


def _path(ax: Axes, frame: pd.DataFrame, source: str, m_z: list[int], n_c: list[int]) -> None:
    """Draws Figure 8's path through the cells, if these trials have one."""
    try:
        steps = paths.path(frame, source)
    except ResultsError:
        return
    steps = steps[steps["m_z"].isin(m_z) & steps["n_c"].isin(n_c)]
    x = [n_c.index(value) for value in steps["n_c"]]
    y = [m_z.index(value) + OFF for value in steps["m_z"]]
    ax.plot(x, y, "-", color="white", linewidth=2.6, zorder=3, solid_joinstyle="round")
    ax.plot(x, y, "-", color="black", linewidth=0.8, zorder=4)


OFF = -0.32  # offset, in cells, of the path below the values
