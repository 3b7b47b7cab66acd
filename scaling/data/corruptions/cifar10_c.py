"""Provides CIFAR-10-C (Fig 4 left, Fig 19): the official files, or 19 corruptions computed here.

Official files are `<corruption>.npy` (50000, 32, 32, 3), severity 1 first, each severity in the
order of the CIFAR-10 test set, and `labels.npy`. Corruptions computed here use CIFAR-10-C's
constants, but their own draws of noise and of the textures of frost and spatter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scaling.data.corruptions.blur import BLURS
from scaling.data.corruptions.digital import DIGITAL
from scaling.data.corruptions.noise import NOISES
from scaling.data.corruptions.weather import WEATHER
from scaling.errors import UsageError, did_you_mean, listed
from scaling.trial.catalog import UNREADABLE

# name -> a function of (images, constants, generator), and the constants of severities 1 to 5
CORRUPTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    **NOISES,
    **BLURS,
    **WEATHER,
    **DIGITAL,
}
NAMES = tuple(sorted(CORRUPTIONS))
OVERALL = "overall"  # one of the 19 corruptions, drawn for each image
SEVERITIES = (1, 2, 3, 4, 5)
SHAPE = (3, 32, 32)
TEST_IMAGES = 10_000
OFFICIAL_SHAPE = (len(SEVERITIES) * TEST_IMAGES, 32, 32, 3)
BLOCK = 500  # images corrupted at a time
ORDER_IMAGES = 100  # number of images that verify the order of an official file


def corrupt(images: np.ndarray, name: str, severity: int = 5, seed: int = 0) -> np.ndarray:
    """Applies one of the 19 corruptions to levels (N, 3, 32, 32) uint8; reproducible by its seed.

    The result for an image depends on its index, but not on the number of images. Raises
    UsageError for an unknown corruption and for images of another shape.
    """
    if name not in CORRUPTIONS:
        near = did_you_mean(name, CORRUPTIONS)
        raise UsageError(f"Unknown corruption {name!r}. {near}Known: {listed(CORRUPTIONS)}.")
    if images.shape[1:] != SHAPE:
        raise UsageError(
            f"Corruptions need RGB images of 32x32 pixels, not {images.shape[1:]}. "
            "Choose --dataset cifar10."
        )
    return np.concatenate(
        [
            _block(images[start : start + BLOCK], name, severity, [seed, severity, start])
            for start in range(0, len(images), BLOCK)
        ]
    )


def _block(images: np.ndarray, name: str, severity: int, seed: list[int]) -> np.ndarray:
    function, constants = CORRUPTIONS[name]
    rng = np.random.default_rng([NAMES.index(name), *seed])
    x = (images / 255).astype(np.float32)
    if len(x) < BLOCK:  # a full block, so that draws do not depend on the last block's length
        x = np.concatenate([x, np.zeros((BLOCK - len(x), *SHAPE), np.float32)])
    x = np.clip(function(x, constants[severity - 1], rng), 0, 1)[: len(images)]
    # Like the original, this truncates to whole levels; 1e-3 exceeds the rounding of float32.
    return np.floor(x * 255 + 1e-3).astype(np.uint8)


@dataclass(frozen=True)
class CorruptedTest:
    """Iterates over a test set (N, 3, 32, 32), or its start, under all corruptions of a severity.

    With `folder` the images are read from CIFAR-10-C, otherwise they are computed from `test`.
    """

    test: np.ndarray
    severity: int = 5
    seed: int = 0
    folder: Path | None = None

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yields name and levels of the 19 sets, then of the overall set."""
        choice = np.random.default_rng(self.seed).integers(0, len(NAMES), len(self.test))
        overall = np.empty_like(self.test)
        for number, name in enumerate(NAMES):
            images = self.read(name)
            overall[choice == number] = images[choice == number]
            yield name, images
        yield OVERALL, overall

    def read(self, name: str) -> np.ndarray:
        """Returns the test set under one corruption, levels (N, 3, 32, 32)."""
        if self.folder is None:
            return corrupt(self.test, name, self.severity, self.seed)
        block = _official(self.folder, name)[self.severity - 1][: len(self.test)]
        return np.ascontiguousarray(block.transpose(0, 3, 1, 2))


def check_official(folder: Path, test: np.ndarray, labels: np.ndarray) -> None:
    """Raises UsageError if files, shapes or the order of images in the folder are not CIFAR-10-C's.

    `test` (10000, 3, 32, 32) and its labels are the CIFAR-10 test set in its official order.
    """
    files = [folder / f"{name}.npy" for name in (*NAMES, "labels")]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise UsageError(
            f"{folder} is not a complete CIFAR-10-C: {', '.join(missing)} missing. "
            "Add the files, or move the folder away, so that corruptions are computed instead."
        )
    repeated = _load(folder / "labels.npy")
    if not np.array_equal(repeated, np.tile(labels, len(SEVERITIES))):
        raise UsageError(
            f"{folder / 'labels.npy'} does not repeat the labels of the CIFAR-10 test set. "
            "Unpack CIFAR-10-C again."
        )
    clean = test[:ORDER_IMAGES].transpose(0, 2, 3, 1).astype(float)
    for name in NAMES:
        for block in _official(folder, name):
            _check_order(folder / f"{name}.npy", block[:ORDER_IMAGES].astype(float), clean)


def _load(file: Path) -> np.ndarray:
    """Maps the file into memory; raises UsageError if it is damaged or contains Python objects."""
    try:
        return np.lib.format.open_memmap(file, mode="r")  # objects cannot be mapped
    except UNREADABLE as error:
        raise UsageError(f"{file} cannot be read ({error}). Unpack CIFAR-10-C again.") from None


def _official(folder: Path, name: str) -> np.ndarray:
    """Maps one file into memory as (5, 10000, 32, 32, 3)."""
    images = _load(folder / f"{name}.npy")
    if images.shape != OFFICIAL_SHAPE or images.dtype != np.uint8:
        raise UsageError(
            f"{folder / name}.npy holds {images.dtype} {images.shape}, "
            f"not uint8 {OFFICIAL_SHAPE}. Unpack CIFAR-10-C again."
        )
    return images.reshape(len(SEVERITIES), TEST_IMAGES, *OFFICIAL_SHAPE[1:])


def _check_order(file: Path, corrupted: np.ndarray, clean: np.ndarray) -> None:
    """Raises UsageError unless images correlate more with their originals than with the next."""
    corrupted = corrupted - corrupted.mean((1, 2, 3), keepdims=True)
    clean = clean - clean.mean((1, 2, 3), keepdims=True)
    if (corrupted * clean).sum() <= 2 * abs((corrupted * np.roll(clean, 1, 0)).sum()):
        raise UsageError(
            f"{file} is not in the order of the CIFAR-10 test set, severity after severity. "
            "Unpack CIFAR-10-C again."
        )
