"""Samples and reconstructions of every (m_z, n_c), in a block of images for each cell of the grid.

The images are in the trials' `arrays.npz`, so this figure needs a results folder.
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import curves, style
from analysis.errors import ResultsError
from analysis.figures import fig9, fig17, marks

SETS = {"samples": "samples", "reconstructions": "reconstructions", "test_images": "test images"}
EACH = 4  # images per set in a cell


def load(path: str | Path) -> pd.DataFrame:
    """Returns the frame of the results with the `folder` of each row's trial."""
    return fig9.load(path)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per cell: the trial whose images are shown, and the size of each set."""
    rows = [
        {"m_z": m_z, "n_c": n_c, "key": key, **{name: len(arrays.get(name, ())) for name in SETS}}
        for (m_z, n_c), (key, arrays) in _cells(frame).items()
    ]
    return pd.DataFrame(rows)


def samples(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws n_c across and m_z down, with a row per set in each cell; pixels are equal squares."""
    cells = _cells(frame)
    m_z = sorted({place[0] for place in cells})
    n_c = sorted({place[1] for place in cells})
    width = style.inches(style.WIDE)
    cell = (width - 0.6) / len(n_c)
    sets = [name for name in SETS if any(name in arrays for _, arrays in cells.values())]
    tall = cell * len(sets) / EACH + 0.08
    height = tall * len(m_z) + 1.0
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(len(m_z), len(n_c), squeeze=False)
    dataset = str(frame["dataset"].iloc[0])
    for row, first in enumerate(m_z):
        for column, second in enumerate(n_c):
            ax = axes[row][column]
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
            ax.set_box_aspect(len(sets) / EACH)
            for side in ax.spines.values():
                side.set_visible(False)
            if row == 0:
                ax.set_title(f"$n_c={second}$", fontsize=7)
            if column == 0:
                ax.set_ylabel(f"$m_z={first}$", fontsize=7)
            if (first, second) in cells:
                _, arrays = cells[first, second]
                ax.imshow(_block(arrays, sets, dataset), cmap="gray", vmin=0, vmax=1,
                          interpolation="nearest")  # fmt: skip
            else:
                ax.text(0.5, 0.5, "not run", ha="center", va="center", transform=ax.transAxes,
                        fontsize=style.SMALLEST, color="#888888")  # fmt: skip
    source = style.source_label(curves.lead(frame))
    title = marks.with_data(f"Images of every cell, {source} training", frame)
    figure.suptitle(title, fontsize=8)
    text = ", then ".join(SETS[name] for name in sets)
    legend = f"In each cell, from the top: {text}; the first {EACH} of the cell's first draw"
    marks.note(figure, [f"{legend}, without selection", note])
    return figure


def _block(arrays: dict[str, np.ndarray], sets: list[str], dataset: str) -> np.ndarray:
    """Returns a row of images for each set, white if the trial has none."""
    levels = fig9.levels_of(dataset, arrays.values())
    first = next(iter(arrays.values()))
    blank = np.full((EACH, *first.shape[1:]), levels - 1, dtype=float)
    rows = []
    for name in sets:
        images = arrays.get(name, blank)[:EACH].astype(float)
        rows.append(np.concatenate([images, blank[: EACH - len(images)]]))
    return fig17.mosaic(np.concatenate(rows), levels, EACH)


def _cells(frame: pd.DataFrame) -> dict[tuple[int, int], tuple[str, dict[str, np.ndarray]]]:
    """Returns key and images of each cell's first draw that has any, of the leading source."""
    finals = curves.final(frame)
    finals = finals[finals["source"] == curves.lead(frame)].sort_values(
        ["m_z", "n_c", "unit", "seed"]
    )
    cells: dict[tuple[int, int], tuple[str, dict[str, np.ndarray]]] = {}
    for trial in finals.to_dict("records"):
        place = (int(trial["m_z"]), int(trial["n_c"]))
        if place not in cells and (arrays := _images(Path(trial.get("folder", "")))):
            cells[place] = (str(trial["key"]), arrays)
    if not cells:
        raise ResultsError(
            "Samples of every cell need the images of finished VAEs, from a study's folder. "
            "Run scaling-vae study double_descent."
        )
    return cells


def _images(folder: Path) -> dict[str, np.ndarray]:
    """Reads the sets in a trial's arrays.npz without unpickling, {} if it cannot be read."""
    try:
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            return {name: file[name] for name in SETS if name in file and file[name].ndim == 4}
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}
