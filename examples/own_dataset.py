"""Adds a data set of your own: rings of random place and size, drawn by a function.

    python studies/double_descent.py --module examples/own_dataset.py --dataset rings \
        --train-size 150 --n-c 8 --m-z 1 --epochs 10

The entry in the catalog says what a plan must know before there are images: channels, side, levels,
the number of images, and the settings of a VAE. The loader returns the images: uint8 levels
(N, C, H, W). Images in a file need none of this: --dataset path/to/file.npz is enough.
"""

from pathlib import Path

import numpy as np

from scaling.data.datasets import LOADERS, Dataset
from scaling.trial.catalog import DATASETS, RESIDUAL, DatasetEntry

ENTRY = DatasetEntry(
    channels=1,
    side=8,  # a multiple of 4
    levels=16,
    train_images=1000,
    settings=RESIDUAL | {"mixtures": 5, "lr": 3e-3, "batch": 30},
    official_test=500,
)


def rings(name: str, root: Path, offline: bool) -> Dataset:
    """Returns the same images at every call; a loader of files also reads `root` and `offline`."""
    rng = np.random.default_rng(0)
    train, test = (_draw(rng, count) for count in (ENTRY.train_images, ENTRY.official_test or 0))
    none = np.zeros(0, np.uint8)  # no labels
    return Dataset(name, train, test, none, none, ENTRY.levels, data="examples/own_dataset.py")


def _draw(rng: np.random.Generator, count: int) -> np.ndarray:
    y, x = np.mgrid[: ENTRY.side, : ENTRY.side]
    row, column, radius = rng.uniform((2, 2, 1), (6, 6, 3), (count, 3)).T[..., None, None]
    distance = np.abs(np.hypot(y - row, x - column) - radius)
    images = (ENTRY.levels - 1) * np.exp(-(distance**2))
    return images.round().astype(np.uint8)[:, None]


DATASETS["rings"] = ENTRY
LOADERS["rings"] = rings
