"""Figure 9: test images and their reconstructions, a row per method (Appendix B.2).

The images are in the trials' `arrays.npz`, so this figure needs a results folder.
"""

from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import lines, results, style
from analysis.command import command
from analysis.errors import ResultsError
from analysis.figures import fig17, marks, methods
from analysis.statistics import levels

SHOWN = 9  # number of images, as in the paper
TEST, CLEAN = "test_images", ("", "test images")  # name in arrays.npz; the row that shows it
SETS = {"reconstructions": "", "reconstruction_samples": "sampled"}  # name in arrays.npz: label
GREY_LEVELS = {"digits": 17}
DARK = 64  # pictures of 256 levels have one of at least this
DPI = int(style.RC["savefig.dpi"])
NAMES, TITLE, NOTE = 400, 120, 120  # dots left of the images, above and below them


def load(path: str | Path) -> pd.DataFrame:
    """Returns the frame of the results with the `folder` of each row's trial.

    Raises ResultsError for a parquet file, which contains no images.
    """
    path = Path(path)
    if path.is_file():
        raise ResultsError(f"{path} contains no images. Give a study's folder: --results FOLDER.")
    frame = results.load(path)
    trials = results.root_of(path) / "trials"
    folders = [str(trials / key) for key in frame["key"]]
    return frame.assign(folder=folders)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns PSNRs (dB) of the levels drawn, a row per set of reconstructions, method and image.

    Raises ResultsError if there are no images.
    """
    rows, top = _rows(frame)
    clean = rows.pop(CLEAN) / top
    table = [
        {"shown": set_name, "source": source, "image": index, "psnr": -10 * np.log10(error)}
        for (set_name, source), images in rows.items()
        for index, error in enumerate(((images / top - clean) ** 2).mean((1, 2, 3)))
        if error > 0
    ]
    return pd.DataFrame(table, columns=["shown", "source", "image", "psnr"])


def fig9(frame: pd.DataFrame, note: str = "") -> Figure:
    """Draws a column per test image, its reconstructions below; all pixels are equal squares."""
    rows, top = _rows(frame)
    images = np.concatenate(list(rows.values()))
    count, side = len(rows[CLEAN]), images.shape[-1]
    grid = fig17.mosaic(images, top + 1, count)
    width = int(style.inches(style.WIDE) * DPI)
    zoom = max(1, (width - NAMES) // grid.shape[1])
    tall, wide = zoom * grid.shape[0], zoom * grid.shape[1]
    height = tall + TITLE + NOTE
    figure = Figure(figsize=(style.inches(style.WIDE), height / DPI))
    ax = figure.add_axes((NAMES / width, NOTE / height, wide / width, tall / height))
    ax.imshow(grid, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    step = (grid.shape[0] - side) / (len(rows) - 1)
    for index, (set_name, source) in enumerate(rows):
        name = ", ".join(filter(None, [style.source_label(source), SETS.get(set_name)]))
        ax.text(-1, index * step + side / 2, name, ha="right", va="center", fontsize=7)
    chosen = _chosen(frame)
    ax.set_title(f"Reconstructions of test images\n{methods.setting(chosen)}")
    unit = levels.unit_of(levels.level_of(chosen))
    legend = (
        f"The first {count} test images, without selection; {unit} {chosen['unit'].iloc[0]}. "
        "Means of p(x|z), then samples of it if measured; z is the mean of q(z|x)."
    )
    marks.note(figure, [legend, note])
    return figure


def _rows(frame: pd.DataFrame) -> tuple[dict[tuple[str, str], np.ndarray], int]:
    """Returns levels (count, C, H, W) per set and method, test images first; the highest level."""
    chosen = _chosen(frame)
    contents = [_arrays(Path(folder)) for folder in chosen["folder"]]
    arrays = dict(zip(chosen["line"], contents, strict=True))
    first = next(iter(arrays.values()))[TEST][:SHOWN]
    rows = {CLEAN: first}
    for name in SETS:
        rows |= {
            (name, line): images[name][: len(first)]
            for line, images in arrays.items()
            if name in images
        }
    return rows, levels_of(chosen["dataset"].iloc[0], rows.values()) - 1


def levels_of(dataset: str, pictures: Iterable[np.ndarray]) -> int:
    """Returns the number of levels of a data set's pictures, which no file of a trial records.

    Except for `GREY_LEVELS` it is 256, or if all levels are below DARK, one more than the highest.
    """
    highest = max(int(images.max()) for images in pictures)
    usual = GREY_LEVELS.get(dataset, 256 if highest >= DARK else 2)
    return max(usual, highest + 1)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """Selects a finished trial per method, in the paper's order, of the draw that most have."""
    trials = lines.drawn(lines.methods(frame), ["line"])
    trials = trials[trials["state"] == "done"].drop_duplicates("key", keep="last")
    if trials.empty or "folder" not in trials:
        raise ResultsError(
            "Figure 9 needs the images of finished VAEs, from a study's folder. "
            f"Run scaling-vae study downstream, then {command('fig9')}"
        )
    trials = trials[trials["unit"] == trials.groupby("unit")["line"].nunique().idxmax()]
    trials = trials.sort_values("seed", kind="stable").drop_duplicates("line")
    return trials.sort_values("line", key=lambda line: line.map(lines.METHODS.index))


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    """Reads the images of a trial, without unpickling; ResultsError if there are none."""
    path = folder / "arrays.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in (TEST, *SETS) if name == TEST or name in arrays}
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise ResultsError(
            f"{path} cannot be read ({type(error).__name__}). "
            "Run the study again, or exclude that trial with --where."
        ) from None
