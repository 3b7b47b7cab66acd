"""Embeds images in a page: test images, reconstructions and samples as PNG."""

import base64
import struct
import zlib
from pathlib import Path
from typing import TypedDict
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from analysis.errors import ResultsError
from analysis.figures import fig9, fig17
from analysis.page.lines import groups, order
from analysis.storage import pools
from analysis.storage.trial_folder import TrialFolder

SETS = {  # in arrays.npz
    "test_images": "test images",
    "reconstructions": "reconstructions",
    "reconstruction_samples": "reconstructions, drawn",
    "samples": "samples",
}
EACH = 8  # images of a set
POOL = 32  # images of a pool
ZOOM = 3  # screen pixels per pixel of an 8 x 8 image; fewer for larger ones


class Image(TypedDict):
    """Holds an image: its data: URI, a description, and its size on the screen in pixels."""

    uri: str
    words: str
    width: int
    height: int


class Picture(Image):
    """Holds an image with a row of a trial's images for each set."""

    rows: list[str]  # what the sets are


class TrialPicture(Picture):
    """Holds the picture of a trial with the trial's place."""

    line: str
    m_z: int
    n_c: int
    key: str


class PoolPicture(Image):
    """Holds the picture of a pool."""

    name: str


def of_trials(vaes: pd.DataFrame, root: Path) -> list[TrialPicture]:
    """Returns a picture for each line and cell, of its first trial with images, a row per set."""
    result: list[TrialPicture] = []
    for line in order(vaes["line"]):
        trials = (
            vaes[vaes["line"] == line].drop_duplicates("key").sort_values(["m_z", "n_c", "drawn"])
        )
        for (m_z, n_c), cell in groups(trials, ["m_z", "n_c"]):
            for key, dataset in cell[["key", "dataset"]].itertuples(index=False, name=None):
                sets = _sets(root / "trials" / Path(key).name / "arrays.npz")
                if sets:
                    result.append({"line": line, "m_z": int(m_z), "n_c": int(n_c), "key": key,
                                  **_picture(sets, dataset)})  # fmt: skip
                    break
    return result


def of_pools(study: Path, folders: list[TrialFolder]) -> list[PoolPicture]:
    """Returns a picture of the first samples of each pool of the study's diffusion models.

    `folders` are the study's trials.
    """
    result: list[PoolPicture] = []
    try:
        for pool in pools.pools(study, folders):
            grid = fig17.mosaic(pools.pictures(pool, POOL), pool.levels, EACH)
            text = f"the first samples of the pool {pool.name}"
            result.append({"name": pool.name, **_image(grid, pool.shape[-1], text)})
    except ResultsError:
        return result  # the report names a damaged pool
    return result


def _sets(path: Path) -> dict[str, np.ndarray]:
    """Reads the images of a trial as uint8 levels (N, C, H, W), without unpickling anything."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name][:EACH] for name in SETS if name in file}
    except (OSError, KeyError, ValueError, EOFError, BadZipFile, zlib.error):
        return {}
    return {n: a for n, a in arrays.items() if a.ndim == 4 and len(a) and a.shape[1] in (1, 3)}


def _picture(sets: dict[str, np.ndarray], dataset: str) -> Picture:
    levels = fig9.levels_of(dataset, sets.values())
    across = max(map(len, sets.values()))
    rows = [fig17.mosaic(images, levels, across) for images in sets.values()]
    gap = np.ones((2, *rows[0].shape[1:]))
    grid = np.concatenate([part for row in rows for part in (row, gap)][:-1])
    text = " above ".join(SETS[name] for name in sets)
    return {
        **_image(grid, next(iter(sets.values())).shape[-1], text),
        "rows": [SETS[name] for name in sets],
    }


def _image(grid: np.ndarray, side: int, text: str) -> Image:
    zoom = max(1, round(ZOOM * 8 / side))
    uri = png_uri(np.round(255 * grid).astype(np.uint8))
    height, width = grid.shape[0] * zoom, grid.shape[1] * zoom
    return {"uri": uri, "words": text, "width": width, "height": height}


def png_uri(pixels: np.ndarray) -> str:
    """Encodes uint8 pixels, (H, W) grey or (H, W, 3) RGB, as a data: URI of a PNG."""
    height, width = pixels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    body = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return f"data:image/png;base64,{base64.b64encode(PNG + b''.join(chunks)).decode()}"


PNG = b"\x89PNG\r\n\x1a\n"
