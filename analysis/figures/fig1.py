"""Figure 1: distributions of augmentation and a diffusion model on a toy density (section 4.1).

No results are needed. p_data is uniform along a horseshoe and Gaussian across it. p_aug conditions
on single points: it moves each a little, and mirrors some. p_DM is smooth in the coordinates of the
horseshoe, as an ideal model would be.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis import style
from analysis.figures import marks

POINTS, SEED = 14, 26  # number and random seed of D_train's points
TURN = (-0.1 * np.pi, 1.1 * np.pi)  # angles of the horseshoe's ends
THICKNESS = 0.09  # standard deviation across the horseshoe, whose radius is 1
MOVES, MIRRORED = 0.075, 0.3  # of augmentation: standard deviation, share of mirror images
SMOOTH = (0.26, 1.1)  # of p_DM: standard deviation in angle; across, in units of THICKNESS
MASS = 0.9  # share of a distribution's mass in its region
SIDE, STEPS = 1.55, 400  # half side and grid points of the square that is drawn
EDGE, BLUE = "#222222", style.SOURCE_COLOURS["normal"]
DIFFUSED, AUGMENTED = style.SOURCE_COLOURS["dmaapx"], style.SOURCE_COLOURS["aug_naive"]


def load(path: str | Path) -> pd.DataFrame:
    """Returns an empty frame, since the toy density needs no results."""
    return pd.DataFrame()


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per distribution on how it covers the region of p_data, as shares of mass.

    `covered` is the share of p_data inside the distribution's region, `outside` the share of the
    distribution outside p_data's region. Regions contain 90 % of the mass.
    """
    x, y = _plane()
    data = _mass(p_data(x, y))
    inside = data >= _level(data)
    rows = []
    for name, density in {"p_data": p_data, "p_aug": p_aug, "p_DM": p_dm}.items():
        mass = _mass(density(x, y))
        region = mass >= _level(mass)
        rows.append((name, float(data[region].sum()), float(mass[~inside].sum())))
    return pd.DataFrame(rows, columns=["distribution", "covered", "outside"])


def fig1(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws the edge of p_data and D_train in three panels: alone, with p_aug, with p_DM.

    `note`, on results, is not shown: no results are behind this figure.
    """
    figure = Figure(figsize=(style.inches(style.WIDE), 3.0), layout="constrained")
    axes = figure.subplots(1, 3)
    panels = [
        (r"$D_\mathrm{train}$: finite", None, ""),
        (r"$p_\mathrm{aug}$: around single points", p_aug, AUGMENTED),
        (r"$p_\mathrm{DM}$: between them", p_dm, DIFFUSED),
    ]
    x, y = _plane()
    for ax, (title, density, colour) in zip(axes, panels, strict=True):
        if density:
            _region(ax, density(x, y), colour)
        _edge(ax, p_data(x, y))
        ax.plot(*d_train(), "o", color=BLUE, markersize=3, zorder=3)
        ax.set_title(title)
        ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE))
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=EDGE, linewidth=1.2, label=r"$p_\mathrm{data}$"),
        Line2D([], [], color=BLUE, marker="o", linestyle="", label=r"$D_\mathrm{train}$"),
        Patch(color=AUGMENTED, alpha=0.5, label=r"$p_\mathrm{aug}$"),
        Patch(color=DIFFUSED, alpha=0.5, label=r"$p_\mathrm{DM}$"),
    ]
    marks.heading(figure, handles, "Training distributions, on a toy density")  # type: ignore[arg-type]
    text = f"A schematic, not a measurement; regions contain {MASS:.0%} of the mass."
    marks.note(figure, [text])
    return figure


def p_data(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the unnormalized p_data: uniform in angle between the ends, Gaussian in radius."""
    angle, radius = _polar(x, y)
    within = (angle >= TURN[0]) & (angle <= TURN[1])
    return np.where(within, _gauss(radius - 1, THICKNESS) / np.maximum(radius, 1e-9), 0.0)


def d_train() -> tuple[np.ndarray, np.ndarray]:
    """Returns independent samples of p_data as their x and y."""
    rng = np.random.default_rng(SEED)
    angle = rng.uniform(*TURN, POINTS)
    radius = 1 + THICKNESS * rng.standard_normal(POINTS)
    return radius * np.cos(angle), radius * np.sin(angle)


def p_aug(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the unnormalized p_aug: Gaussians at the training points and their mirror images.

    Points are mirrored at the horizontal axis.
    """
    density = np.zeros_like(x)
    for u, v in zip(*d_train(), strict=True):
        for share, centre in ((1 - MIRRORED, v), (MIRRORED, -v)):
            density += share * _gauss(x - u, MOVES) * _gauss(y - centre, MOVES)
    return density


def p_dm(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the unnormalized p_DM: smooth along the horseshoe, about as thick as it across."""
    angle, radius = _polar(x, y)
    along = sum(_gauss(angle - point_angle, SMOOTH[0]) for point_angle in _polar(*d_train())[0])
    return along * _gauss(radius - 1, SMOOTH[1] * THICKNESS) / np.maximum(radius, 1e-9)


def _polar(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns angle and radius; the angle in [-pi / 2, 3 pi / 2) jumps in the horseshoe's gap."""
    return np.mod(np.arctan2(y, x) + np.pi / 2, 2 * np.pi) - np.pi / 2, np.hypot(x, y)


def _gauss(x: np.ndarray, std: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * (x / std) ** 2) / std)


def _plane() -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(*[np.linspace(-SIDE, SIDE, STEPS)] * 2)
    return x, y


def _mass(density: np.ndarray) -> np.ndarray:
    return density / density.sum()


def _level(density: np.ndarray) -> float:
    """Returns the density at the edge of the highest-density region that contains MASS."""
    ordered = np.sort(density, axis=None)[::-1]
    return float(ordered[np.searchsorted(np.cumsum(ordered), MASS * ordered.sum())])


def _region(ax: Axes, density: np.ndarray, colour: str) -> None:
    levels = [_level(density), density.max() * 1.01]
    ax.contourf(*_plane(), density, levels, colors=[colour], alpha=0.4)


def _edge(ax: Axes, density: np.ndarray) -> None:
    ax.contour(*_plane(), density, [_level(density)], colors=EDGE, linewidths=1.2)
