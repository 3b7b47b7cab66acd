"""Places labels near points of a figure so that they cover neither marks nor each other."""

from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from analysis.figures import marks

NEAR, FAR = 5.0, 60.0  # distances, in typographic points, between a label and its mark
TURNS = np.pi / 8 * np.array([4, 12, 0, 8, 2, 6, 10, 14, 1, 3, 5, 7, 9, 11, 13, 15])  # up first
FARTHER = 0.3  # cost of a typographic point of distance; crossing a drawn dot costs 1


def label_points(ax: Axes, labels: dict[tuple[float, float], str], avoid: np.ndarray) -> None:
    """Places a text near each point (data coordinates), off the points `avoid` and other texts.

    It tries growing distances in all directions; a thin line leads back to the point. Call it when
    everything else is drawn: it computes the figure's layout to know positions, and fixes it.
    """
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    pixels = figure.dpi / 72
    round_about = marks.CLEAR * pixels * np.stack([np.cos(TURNS), np.sin(TURNS)], axis=1)
    rings = [ax.transData.transform(place) + round_about for place in labels]
    ink = ax.transData.transform(avoid)
    ink = np.concatenate(
        [ink, ink + [marks.BESIDE * pixels, 0], *rings]
    )  # the seeds' dots are next to the means
    boxes: list[Bbox] = []
    for place, text in sorted(labels.items(), key=lambda label: -len(label[1])):  # large ones first
        line = {
            "arrowstyle": "-",
            "lw": 0.5,
            "color": "#555555",
            "shrinkA": 0,
            "shrinkB": marks.CLEAR,
        }
        note = ax.annotate(
            text, place, (0, 0), textcoords="offset points", arrowprops=line, zorder=5
        )
        note.set(fontsize=6.5, ha="center", va="center")
        size, point = Text.get_window_extent(note), ax.transData.transform(place)
        offset, box = _free_spot(ax, point, size, ink, boxes)
        note.set_position(tuple(offset / pixels))
        boxes.append(box)
        ink = np.concatenate([ink, _leader(point, offset, box, pixels)])


def _free_spot(
    ax: Axes, point: np.ndarray, size: Bbox, ink: np.ndarray, boxes: list[Bbox]
) -> tuple[np.ndarray, Bbox]:
    """Returns offset and box (pixels) of the place that covers and crosses least and is near."""
    pixels = ax.figure.dpi / 72
    inside = ax.get_window_extent()
    least, best = np.inf, (point, size)
    half = np.array([size.width, size.height]) / 2
    for gap, turn in product(np.linspace(NEAR, FAR, 12) * pixels, TURNS):
        offset = np.array([np.cos(turn), np.sin(turn)]) * (half + gap)
        box = Bbox([point + offset - half - pixels, point + offset + half + pixels])
        outside = not (inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1))
        cost = 5 * box.count_contains(ink) + 50 * (box.count_overlaps(boxes) + outside)
        cost += FARTHER * gap / pixels
        if cost < least:  # otherwise its line need not be checked
            line = _leader(point, offset, box, pixels)
            cost += _near(line, ink, 2 * pixels)
            cost += sum(placed.count_contains(line) for placed in boxes)
        if cost < least:
            least, best = cost, (offset, box)
    return best


def _leader(point: np.ndarray, offset: np.ndarray, box: Bbox, pixels: float) -> np.ndarray:
    """Returns points on the line from just outside a mark's ring to its text's box."""
    line = point + np.linspace(0.0, 1.0, 40)[:, None] * offset
    clear = np.hypot(*(line - point).T) > (marks.CLEAR + 2.5) * pixels
    within = ((line >= box.min) & (line <= box.max)).all(axis=1)
    return np.asarray(line[clear & ~within])


def _near(line: np.ndarray, ink: np.ndarray, distance: float) -> int:
    """Counts the points of a line that are closer than `distance` to something drawn."""
    distances = np.hypot(*(line[:, None] - ink[None]).transpose(2, 0, 1))
    return int((distances < distance).any(axis=1).sum())
