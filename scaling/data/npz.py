"""Reads images and labels from npz archives, as arrays or as the bytes of JPEG files.

Only numbers are read from an archive: members with Python objects are refused, never unpickled.
"""

import io
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.lib.npyio import NpzFile

from scaling.errors import UsageError, listed
from scaling.trial.catalog import DIVIDED, JPEG, UNREADABLE, WHOLE, as_uint8, names_of
from scaling.trial.machine import memory_bytes

LAYOUTS = (DIVIDED, WHOLE, JPEG)
NAMES = {"train_labels", "test_labels", "labels"}.union(*LAYOUTS)
CHANNELS = (1, 3)
COPIES = 4  # most copies of the images in memory at a time while an archive is read

Arrays = dict[str, np.ndarray]
ImageSet = tuple[np.ndarray, np.ndarray]  # uint8 images (N, H, W[, C]); labels (N,) or (0,)
TrainAndTest = tuple[ImageSet, ImageSet]  # training images, test images


def read_pair(root: Path, name: str, suffix: str = "") -> TrainAndTest | None:
    """Returns the images of `NAME_train.npz` and `NAME_test.npz`, or None if one is missing."""
    train, test = (root / f"{name}_{part}{suffix}.npz" for part in ("train", "test"))
    if not (train.is_file() and test.is_file()):
        return None
    return _whole(train, _arrays(train)), _whole(test, _arrays(test))


def read_own(path: Path) -> tuple[ImageSet, ImageSet | None]:
    """Returns a user's training images and test images, or all images and None.

    The arrays are `train_images` and `test_images` (labels: `train_labels`, `test_labels`), or
    `images` (`labels`), or `jpeg` and `offsets` (`labels`). Labels are optional; missing ones have
    the shape (0,). Raises UsageError for missing or damaged arrays, and for images that are not
    uint8, not square, or not of 1 or 3 channels.
    """
    arrays = _arrays(path)
    if not DIVIDED <= arrays.keys():
        return _whole(path, arrays), None
    train = _half(path, arrays, "train_images", "train_labels")
    test = _half(path, arrays, "test_images", "test_labels")
    if train[0].shape[1:] != test[0].shape[1:]:
        raise UsageError(
            f"{path} has training images of the shape {train[0].shape[1:]} and test images of "
            f"the shape {test[0].shape[1:]}. Save both in the same shape."
        )
    return train, test


def _arrays(path: Path) -> Arrays:
    """Reads the arrays with known names; raises UsageError if they form none of LAYOUTS."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist. Give the path of an npz archive of images.")
    try:
        _check_size(path)
        with open(path, "rb") as stream, NpzFile(stream, allow_pickle=False) as archive:
            called = names_of(archive.files)
            arrays = {name: np.asarray(archive[called[name]]) for name in NAMES & called.keys()}
            contents = listed(archive.files) or "nothing"
    except UNREADABLE as error:
        raise UsageError(
            f"{path} cannot be read as an npz archive of numbers ({error}). Save plain arrays: "
            "np.savez_compressed(file, images=images, labels=labels)."
        ) from None
    if not any(layout <= arrays.keys() for layout in LAYOUTS):
        raise UsageError(
            f"{path} contains {contents}. Name its arrays train_images and test_images, or images, "
            "or jpeg and offsets (labels: train_labels, test_labels, labels). Also accepted are "
            "x_train, y_train, x_test and y_test, or arr_0 and arr_1."
        )
    return arrays


def _check_size(path: Path) -> None:
    with ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > largest():
        raise UsageError(
            f"{path} unpacks to {size / 1e9:.3g} GB, and this machine's memory allows for "
            f"{largest() / 1e9:.3g} GB. Save fewer or smaller images."
        )


def largest() -> int:
    """Returns the most bytes that an archive may unpack to, since reading makes copies of them."""
    return memory_bytes() // COPIES


def _whole(path: Path, arrays: Arrays) -> ImageSet:
    """Returns one set of images, from `images` or decoded from `jpeg` and `offsets`."""
    if "images" not in arrays:
        arrays = arrays | {"images": _decode(path, arrays["jpeg"], _offsets(path, arrays))}
    return _half(path, arrays, "images", "labels")


def _half(path: Path, arrays: Arrays, images: str, labels: str) -> ImageSet:
    fault = _image_fault(arrays[images])
    if fault:
        raise UsageError(f"The array {images} in {path} {fault}")
    values = arrays.get(labels, np.zeros(0, np.uint8))
    if values.size == 0:
        return arrays[images], np.zeros(0, np.uint8)
    if values.ndim == 2 and values.shape[1] == 1:  # a column
        values = values[:, 0]
    if values.dtype.kind not in "iub" or values.shape != arrays[images].shape[:1]:
        raise UsageError(
            f"{labels} in {path} is {values.dtype} of the shape {values.shape}. Save one whole "
            f"number for each of the {len(arrays[images])} images, or leave {labels} out."
        )
    return arrays[images], values


def _image_fault(images: np.ndarray) -> str:
    """Returns what is wrong with an array of images and how to correct it, or an empty string."""
    shape = images.shape
    if images.dtype.kind == "f":
        return (
            f"contains {images.dtype}. Save levels from 0 to 255: floats in [0, 1] as "
            "(images * 255).round().astype(np.uint8)."
        )
    if images.dtype != np.uint8:
        return f"contains {images.dtype}. Save levels from 0 to 255: {as_uint8(images)}."
    if len(shape) not in (3, 4):
        return f"has the shape {shape}. Save it as (N, H, W) or (N, H, W, C)."
    if images.size == 0:
        return f"has the shape {shape} and so no pixels. Save at least one image."
    if len(shape) == 4 and shape[3] not in CHANNELS:
        if shape[1] in CHANNELS:
            return f"has the shape {shape}. Put channels last: images.transpose(0, 2, 3, 1)."
        return f"has {shape[3]} channels instead of 1 or 3. Save grey or RGB images."
    if shape[1] != shape[2]:
        return f"has images of {shape[1]} x {shape[2]} pixels. Crop or pad them to squares."
    return ""


def _offsets(path: Path, arrays: Arrays) -> np.ndarray:
    """Returns, after checks, where each image begins in `jpeg` and where the last one ends."""
    jpeg, offsets = arrays["jpeg"], arrays["offsets"]
    if (
        (jpeg.dtype, jpeg.ndim) != (np.dtype(np.uint8), 1)
        or (offsets.dtype.kind, offsets.ndim) not in (("i", 1), ("u", 1))
        or len(offsets) < 2
        or offsets[0] < 0
        or (offsets[1:] <= offsets[:-1]).any()
    ):
        raise UsageError(
            f"{path} does not say where its JPEG files begin. Save jpeg as their bytes (uint8), "
            "one file after the other, and offsets as the positions where each begins and the "
            "last ends."
        )
    if offsets[-1] > len(jpeg):
        raise UsageError(
            f"offsets in {path} end at {offsets[-1]}, but jpeg has only {len(jpeg)} bytes. "
            "Save both again: the bytes are incomplete."
        )
    return offsets


def _decode(path: Path, jpeg: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Decodes the images to (N, H, W) or (N, H, W, 3) uint8.

    Raises UsageError for an image that cannot be read or has another shape than the first.
    """
    first = _picture(path, jpeg, offsets, 0)
    if first.nbytes * (len(offsets) - 1) > largest():
        raise UsageError(
            f"{path} unpacks to more than the {largest() / 1e9:.3g} GB that this machine's memory "
            "allows for. Save fewer images."
        )
    images = np.empty((len(offsets) - 1, *first.shape), np.uint8)
    for index in range(len(images)):
        picture = _picture(path, jpeg, offsets, index)
        if picture.shape != first.shape:
            raise UsageError(
                f"Image {index} of {path} has the shape {picture.shape}, but the first one has "
                f"{first.shape}. Save all in the same shape."
            )
        images[index] = picture
    return images


def _picture(path: Path, jpeg: np.ndarray, offsets: np.ndarray, index: int) -> np.ndarray:
    from PIL import Image

    data = io.BytesIO(jpeg[offsets[index] : offsets[index + 1]].tobytes())
    try:
        with Image.open(data, formats=["JPEG"]) as picture:
            if picture.mode in ("L", "RGB"):
                return np.asarray(picture)
            mode = picture.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"Image {index} of {path} cannot be read ({error}). Replace it.") from None
    raise UsageError(f"Image {index} of {path} has the mode {mode}. Save it as grey (L) or RGB.")
