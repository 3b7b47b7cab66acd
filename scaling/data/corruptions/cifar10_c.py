"""CIFAR-10-C (Fig 4 left, Fig 19): the official files, or the 19 corruptions made here.

Official files are `<corruption>.npy` (50000, 32, 32, 3), severity 1 first, each severity in the
order of the CIFAR-10 test set, and `labels.npy`. Corruptions made here follow CIFAR-10-C's
constants; noise, and the textures of frost and spatter, are drawn anew.
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

# name -> function of (images, constants, generator), the constants of severities 1 to 5
CORRUPTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    **NOISES,
    **BLURS,
    **WEATHER,
    **DIGITAL,
}
NAMES = tuple(sorted(CORRUPTIONS))
OVERALL = "overall"  # one of the 19, drawn for each image
SEVERITIES = (1, 2, 3, 4, 5)
SHAPE = (3, 32, 32)
TEST_IMAGES = 10_000
OFFICIAL_SHAPE = (len(SEVERITIES) * TEST_IMAGES, 32, 32, 3)
BLOCK = 500  # images made at a time
ORDER_IMAGES = 100  # by which the order of an official file is checked


def corrupt(images: np.ndarray, name: str, severity: int = 5, seed: int = 0) -> np.ndarray:
    """Levels (N, 3, 32, 32) under one of the 19 corruptions; the same images for the same seed.

    An image's result depends on its place, not on how many images follow.
    """
    if name not in CORRUPTIONS:
        near = did_you_mean(name, CORRUPTIONS)
        raise UsageError(f"Unknown corruption {name!r}. {near}Known: {listed(CORRUPTIONS)}.")
    if images.shape[1:] != SHAPE:
        raise UsageError(
            f"Corruptions are made for RGB images of 32x32 pixels, not {images.shape[1:]}. "
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
    # as the original: whole levels by truncation; the small term undoes rounding of float32
    return np.floor(x * 255 + 1e-3).astype(np.uint8)


@dataclass(frozen=True)
class CorruptedTest:
    """A test set (N, 3, 32, 32), or its first images, under every corruption at one severity.

    With `folder` the images are CIFAR-10-C's own, otherwise they are made from `test`.
    """

    test: np.ndarray
    severity: int = 5
    seed: int = 0
    folder: Path | None = None

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and levels of the 19 sets, then of the overall set."""
        choice = np.random.default_rng(self.seed).integers(0, len(NAMES), len(self.test))
        overall = np.empty_like(self.test)
        for number, name in enumerate(NAMES):
            images = self.read(name)
            overall[choice == number] = images[choice == number]
            yield name, images
        yield OVERALL, overall

    def read(self, name: str) -> np.ndarray:
        """The test set under one corruption, levels (N, 3, 32, 32)."""
        if self.folder is None:
            return corrupt(self.test, name, self.severity, self.seed)
        block = _official(self.folder, name)[self.severity - 1][: len(self.test)]
        return np.ascontiguousarray(block.transpose(0, 3, 1, 2))


def check_official(folder: Path, test: np.ndarray, labels: np.ndarray) -> None:
    """Refuses a folder that is not CIFAR-10-C: missing files, shapes, order of the images.

    `test` (10000, 3, 32, 32) and its labels are the CIFAR-10 test set in its official order.
    """
    files = [folder / f"{name}.npy" for name in (*NAMES, "labels")]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise UsageError(
            f"{folder} is no complete CIFAR-10-C: {', '.join(missing)} missing. "
            "Add the files, or move the folder away to have the corruptions made here."
        )
    repeated = _load(folder / "labels.npy")
    if not np.array_equal(repeated, np.tile(labels, len(SEVERITIES))):
        raise UsageError(
            f"{folder / 'labels.npy'} does not repeat the labels of the CIFAR-10 test set. "
            "Unpack CIFAR-10-C anew."
        )
    clean = test[:ORDER_IMAGES].transpose(0, 2, 3, 1).astype(float)
    for name in NAMES:
        for block in _official(folder, name):
            _check_order(folder / f"{name}.npy", block[:ORDER_IMAGES].astype(float), clean)


def _load(file: Path) -> np.ndarray:
    """A view of the file, not yet read; UsageError where it is damaged or holds objects."""
    try:
        return np.lib.format.open_memmap(file, mode="r")  # objects cannot be mapped
    except UNREADABLE as error:
        raise UsageError(f"{file} cannot be read ({error}). Unpack CIFAR-10-C anew.") from None


def _official(folder: Path, name: str) -> np.ndarray:
    """One file as (5, 10000, 32, 32, 3), not yet read."""
    images = _load(folder / f"{name}.npy")
    if images.shape != OFFICIAL_SHAPE or images.dtype != np.uint8:
        raise UsageError(
            f"{folder / name}.npy holds {images.dtype} {images.shape}, "
            f"not uint8 {OFFICIAL_SHAPE}. Unpack CIFAR-10-C anew."
        )
    return images.reshape(len(SEVERITIES), TEST_IMAGES, *OFFICIAL_SHAPE[1:])


def _check_order(file: Path, corrupted: np.ndarray, clean: np.ndarray) -> None:
    """Images correlate with their own originals, not with the next image's."""
    corrupted = corrupted - corrupted.mean((1, 2, 3), keepdims=True)
    clean = clean - clean.mean((1, 2, 3), keepdims=True)
    if (corrupted * clean).sum() <= 2 * abs((corrupted * np.roll(clean, 1, 0)).sum()):
        raise UsageError(
            f"{file} is not in the order of the CIFAR-10 test set, severity after severity. "
            "Unpack CIFAR-10-C anew."
        )
