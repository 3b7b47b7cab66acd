"""Figure 17: samples of the diffusion models, a panel per pool (Appendix D)."""

from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import style
from analysis.errors import ResultsError
from analysis.figures import marks
from analysis.storage import pools
from analysis.storage.pools import Pool

DPI = int(style.RC["savefig.dpi"])
# Sizes in dots, so that an image's pixel is a whole number of dots:
SIDE = 66  # of an image, approximately
MOST = 10  # largest number of images in a row
GAP = 0.06  # between images, as a share of their side
APART = 45  # between panels
TITLE = 90
NOTE = 90
NARROW = 975  # a page's column, the least width


def load(path: str | Path) -> pd.DataFrame:
    """Returns a row per pool of a study's diffusion models: setting, quality, and the pool.

    Raises ResultsError for a parquet file, and if there is no pool.
    """
    if Path(path).is_file():
        raise ResultsError(f"{path} contains no images. Give a study's folder: --results FOLDER.")
    all_pools = pools.pools(path)
    if not all_pools:
        raise ResultsError(
            f"{path} has no pool of its diffusion models yet, so Figure 17 has no samples. "
            "Run the study (again), which draws them once the models are trained."
        )
    return pd.DataFrame([_row(pool) for pool in all_pools])


def _row(pool: Pool) -> dict[str, object]:
    row = {"name": pool.name, "dataset": pool.dataset, "share": pool.share}
    row |= {"seed": pool.trial.get("seed"), "epochs": pool.epochs, "k": pool.k}
    return row | pool.quality | {"pool": pool}


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the pools' quality, for pixels on [0, 1], missing if not measured.

    `mean`, `histogram`, `frechet` and `nearest` are distances `<measure>_<one set>_<other set>` of
    samples, D_train and test set (nearest: the median over the first set's images);
    `near_copies_<set>` is the share of the set that nearly copies an image of D_train.
    """
    return frame.drop(columns="pool")


@dataclass(frozen=True)
class Panel:
    """Holds a pool's samples side by side, with pixels `zoom` dots wide."""

    title: str
    mosaic: np.ndarray  # (H, W) or (H, W, 3) on [0, 1]
    zoom: int

    @property
    def size(self) -> tuple[int, int]:
        """Returns height and width in dots."""
        return self.mosaic.shape[0] * self.zoom, self.mosaic.shape[1] * self.zoom


def fig17(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws each pool's first samples, on axes aligned to dots so that all pixels look equal."""
    across = len(frame) if len(frame) <= 3 else min(4, int(np.ceil(np.sqrt(len(frame)))))
    room = (style.inches(style.WIDE) * DPI - (across - 1) * APART) // across
    panels = [_panel(pool, title, int(room)) for pool, title in _titled(list(frame["pool"]))]
    rows = [panels[start : start + across] for start in range(0, len(panels), across)]
    slot = max(panel.size[1] for panel in panels)
    heights = [TITLE + max(panel.size[0] for panel in row) for row in rows]
    content = across * (slot + APART) - APART
    width, height = max(content, NARROW), sum(heights) + APART * (len(rows) - 1) + NOTE
    figure = Figure(figsize=(width / DPI, height / DPI))
    top = height
    for row, tall in zip(rows, heights, strict=True):
        for index, panel in enumerate(row):
            left = (width - content) // 2 + index * (slot + APART) + (slot - panel.size[1]) // 2
            _draw(figure, panel, left, top - TITLE)
        top -= tall + APART
    marks.note(figure, ["The first samples of each pool, without selection.", note])
    return figure


def _draw(figure: Figure, panel: Panel, left: int, top: int) -> None:
    """Draws a panel; its upper left corner is given in dots from the figure's lower left one."""
    width, height = (round(inches * DPI) for inches in figure.get_size_inches())
    tall, wide = panel.size
    box = (left / width, (top - tall) / height, wide / width, tall / height)
    ax = figure.add_axes(box)
    ax.imshow(panel.mosaic, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    ax.set_title(panel.title, fontsize=7, pad=3)


def _panel(pool: Pool, title: str, room: int) -> Panel:
    """Makes a panel with as many images per row, and as many rows, as `room` dots allow."""
    side = pool.shape[-1]
    zoom = max(1, round(SIDE / side))
    per_row = min(MOST, max(1, (room // zoom + _gap(side)) // (side + _gap(side))))
    return Panel(title, mosaic(pools.pictures(pool, per_row**2), pool.levels, per_row), zoom)


def mosaic(images: np.ndarray, levels: int, per_row: int) -> np.ndarray:
    """Arranges levels (N, C, H, W) in rows on white: (H', W') if grey, (H', W', 3) if RGB.

    The result's values are on [0, 1]. Raises ResultsError for images that are neither grey nor RGB.
    """
    count, channels, height, width = images.shape
    if channels not in (1, 3):
        raise ResultsError(
            f"Images with {channels} channels are neither grey nor RGB. "
            "Exclude their pool: --where dataset=NAME."
        )
    gap, rows = _gap(width), -(-count // per_row)
    tall, wide = rows * (height + gap) - gap, min(count, per_row) * (width + gap) - gap
    canvas = np.ones((tall, wide, channels))
    for i, image in enumerate(images):
        top, left = i // per_row * (height + gap), i % per_row * (width + gap)
        canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0) / (levels - 1)
    return canvas if channels == 3 else canvas[..., 0]


def _gap(side: int) -> int:
    return max(1, round(GAP * side))


def _titled(all_pools: list[Pool]) -> list[tuple[Pool, str]]:
    """Returns each pool with its title: data set, share of D_train, epochs, and distinctions."""
    titles = []
    for pool, differ in zip(all_pools, pools.distinctions(all_pools), strict=True):
        first = ", ".join([PurePath(pool.dataset).stem, *differ])
        second = f"{100 * pool.share:.3g} % of $D_\\mathrm{{train}}$, {pool.epochs:,} epochs"
        titles.append((pool, f"{first}\n{second}"))
    return titles
