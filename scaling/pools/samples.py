"""Converts a user's images (npy, npz, PNGs), in the usual layouts and ranges, to levels."""

from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from scaling.errors import UsageError, did_you_mean, listed
from scaling.pools.pngs import Pngs
from scaling.trial.catalog import UNREADABLE, as_uint8

ARRAYS = ("images", "samples")  # names of the images in an npz that contains several arrays
RESCALE = {"unit": (0.0, 1.0), "symmetric": (-1.0, 1.0)}  # floats that represent black and white


Samples = np.ndarray | Pngs


def open_samples(source: Path) -> Samples:
    """Opens the samples in an npy (mapped), an npz (one array, or one named as in ARRAYS) or PNGs.

    Raises UsageError for a file that is missing, damaged, of another kind or shape, or contains
    Python objects.
    """
    if source.is_dir() or source.suffix == ".zip" and source.is_file():
        return Pngs(source)
    if not source.is_file():
        raise UsageError(f"{source} does not exist. Give an npy, an npz or a folder of PNGs.")
    if source.suffix not in (".npy", ".npz"):
        raise UsageError(
            f"{source} is of an unknown kind. Give npy, npz, a folder or a zip of PNGs."
        )
    try:
        samples = _npz(source) if source.suffix == ".npz" else _npy(source)
    except UNREADABLE as error:
        raise UsageError(
            f"{source} cannot be read as numbers ({error}). Save a plain array: "
            "np.save(file, images.astype(np.uint8), allow_pickle=False)."
        ) from None
    if samples.ndim not in (3, 4):
        raise UsageError(
            f"{source} has the shape {samples.shape}. Save it as (N, H, W), (N, H, W, C) or "
            "(N, C, H, W)."
        )
    return samples


def _npy(source: Path) -> np.ndarray:
    return np.lib.format.open_memmap(source, mode="r")  # refuses objects: they cannot be mapped


def _npz(source: Path) -> np.ndarray:
    with open(source, "rb") as stream, NpzFile(stream, allow_pickle=False) as arrays:
        names = [name for name in ARRAYS if name in arrays.files] or arrays.files
        if len(names) != 1:
            raise UsageError(
                f"{source} contains {listed(arrays.files) or 'nothing'}, and the images are not "
                f"identified. Name one of them {' or '.join(ARRAYS)}."
            )
        return np.asarray(arrays[names[0]])  # a member that is not an array is read as bytes


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Resizes images (N, h, w), (N, h, w, C) or (N, C, h, w), uint8, to squares of that side.

    Each is filtered before it is resampled (Pillow's bicubic kernel, widened where it shrinks), so
    that fine texture becomes grey instead of false patterns. Raises UsageError for other types.
    """
    from PIL import Image

    if images.dtype != np.uint8:
        raise UsageError(
            f"--resize needs uint8 levels, and these are {images.dtype}. Save them as uint8."
        )
    arranged = np.moveaxis(images, 1, 3) if has_channels_first(images) else images
    whole = arranged[..., 0] if arranged.ndim == 4 and arranged.shape[3] == 1 else arranged
    size = (side, side)
    squares = np.stack(
        [np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)) for x in whole]
    )
    return squares[..., None] if whole.ndim < arranged.ndim else squares


def has_channels_first(images: np.ndarray) -> bool:
    """Returns True if images of the shape (N, C, h, w) or (N, h, w, C) are of the first."""
    return images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3)


def as_levels(
    images: np.ndarray, levels: int, shape: tuple[int, ...], rescale: str | None, name: str
) -> np.ndarray:
    """Converts (N, H, W), (N, H, W, C) or (N, C, H, W) to uint8 levels (N, C, H, W).

    uint8 and bool are levels; floats need `rescale`, a name of RESCALE, and are rounded to the
    nearest level. Sides that are up to 3 pixels too small, or 28 instead of 32, are padded evenly
    with zeros. Raises UsageError, which begins with `name`, for all else.
    """
    arranged, margins = _arrange(images, shape, name)
    if images.dtype.kind == "f":
        whole = _round(arranged, levels, rescale, name)
    elif images.dtype not in (np.uint8, np.bool_):
        raise UsageError(f"{name} contains {images.dtype}. Save levels: {as_uint8(images)}.")
    elif rescale is not None:
        raise UsageError(f"{name} already contains levels ({images.dtype}). Leave out --rescale.")
    else:
        whole = arranged.astype(np.uint8, copy=False)
    if whole.max() >= levels:
        raise UsageError(
            f"{name} contains levels from {whole.min()} to {whole.max()}, but the data set has "
            f"0 to {levels - 1}. Convert the samples to those levels."
        )
    return np.ascontiguousarray(np.pad(whole, [(0, 0), (0, 0), *margins]))


def _arrange(
    images: np.ndarray, shape: tuple[int, ...], name: str
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Returns a view of the images as (N, C, h, w), and the zeros to add around each side."""
    orders = [images[:, None]] if images.ndim == 3 else [images, np.moveaxis(images, 3, 1)]
    for order in orders:
        sides = zip(order.shape[2:], shape[1:], strict=True)
        margins = [margin for side in sides if (margin := _margins(*side))]
        if order.shape[1] == shape[0] and len(margins) == 2:
            return order, margins
    raise UsageError(
        f"{name} contains images of the shape {images.shape[1:]}, but the data set has {shape}. "
        "Give samples of that data set."
    )


def _margins(have: int, want: int) -> tuple[int, int] | None:
    """Returns the zeros before and after, or None if the difference is too large to be padding."""
    lacking = want - have
    if not 0 <= lacking < 4 and (have, want) != (28, 32):
        return None
    return lacking // 2, lacking - lacking // 2


def _round(images: np.ndarray, levels: int, rescale: str | None, name: str) -> np.ndarray:
    low, high = float(images.min()), float(images.max())
    fault = f"{name} contains floats from {low:.4g} to {high:.4g}"
    fitting = [n for n, (black, white) in RESCALE.items() if black <= low and high <= white]
    advice = f"give --rescale {fitting[0]}" if fitting else "clip them to [0, 1] or [-1, 1]"
    if rescale is None:
        raise UsageError(f"{fault} instead of levels. Round and save them as uint8, or {advice}.")
    if rescale not in RESCALE:
        near = did_you_mean(rescale, RESCALE)
        raise UsageError(f"Unknown --rescale {rescale!r}. {near}Known: {listed(RESCALE)}.")
    black, white = RESCALE[rescale]
    slack = 0.5 * (white - black) / (levels - 1)  # values beyond the range that round to a level
    if not (black - slack <= low and high <= white + slack):
        raise UsageError(
            f"{fault}, but --rescale {rescale} means {black:g} to {white:g}. "
            f"{advice[0].upper()}{advice[1:]}."
        )
    scaled = (images - np.float32(black)) * np.float32((levels - 1) / (white - black))
    return np.clip(np.floor(scaled + 0.5), 0, levels - 1).astype(np.uint8)
