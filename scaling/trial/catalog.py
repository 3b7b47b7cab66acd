"""What goes with a data set (image shape, settings of Appendix B.1) and with a likelihood."""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any, Literal
from zipfile import BadZipFile, ZipFile

MULTIPLE = 4  # of which sides are: two halvings in the networks
TEST_PART = 5  # one in so many images is for testing where an own file does not say which
HEAD = 1 << 16  # bytes in which a JPEG file says its size
# An own npz has one of these layouts, the first whose arrays are all there; labels may be beside.
DIVIDED, WHOLE, JPEG = {"train_images", "test_images"}, {"images"}, {"jpeg", "offsets"}
OTHERS = {  # layouts of other tools: the first whose images are all there is read as one of ours
    "Keras": {"train_images": "x_train", "train_labels": "y_train",
              "test_images": "x_test", "test_labels": "y_test"},
    "Keras, without a test set": {"images": "x_train", "labels": "y_train"},
    "np.savez without names": {"images": "arr_0", "labels": "arr_1"},
}  # fmt: skip
UNREADABLE = (  # what reading a damaged npy or npz raises
    *(ValueError, OSError, EOFError, LookupError, MemoryError, RuntimeError),
    *(TokenError, zlib.error, BadZipFile),
)


@dataclass(frozen=True)
class DatasetRow:
    """What goes with a data set: image shape, levels and the settings of Appendix B.1."""

    channels: int
    side: int  # after zero-padding to a multiple of 4
    levels: int
    train_images: int
    settings: dict[str, Any]
    official_test: int | None = None  # images of the official test set, where there is one
    undivided: int | None = None  # all images, where they are published as one set
    validation: int | None = None  # images at most for validation; None: a quarter of the rest
    development: int | None = None  # images set aside for development; None: a tenth

    @property
    def image_bytes(self) -> int:
        """Of one image as uint8 levels."""
        return self.channels * self.side**2

    @property
    def all_images(self) -> int:
        """Those of a set that is published as one; else training and test images together."""
        if self.undivided:
            return self.undivided
        tested = self.train_images // (TEST_PART - 1)  # estimated where nothing says how many
        return self.train_images + (tested if self.official_test is None else self.official_test)


FULLY_CONNECTED = {"network": "fully_connected", "lr": 1e-3, "batch": 100}
RESIDUAL = {
    "network": "residual",
    "likelihood": "mixture",
    "mixtures": 10,
    "lr": 1e-4,
    "batch": 100,
}
DATASETS = {
    "digits": DatasetRow(
        *(1, 8, 17, 1297, RESIDUAL | {"mixtures": 5, "lr": 3e-3, "batch": 30}),
        undivided=1797,
        validation=300,
        development=197,
    ),
    "mnist": DatasetRow(1, 32, 2, 60_000, FULLY_CONNECTED | {"likelihood": "bernoulli"}, 10_000),
    "fashion_mnist": DatasetRow(
        1, 32, 256, 60_000, FULLY_CONNECTED | {"likelihood": "gaussian"}, 10_000
    ),
    "cifar10": DatasetRow(3, 32, 256, 50_000, RESIDUAL, 10_000),
}


@dataclass(frozen=True)
class LikelihoodRow:
    """Which images a likelihood takes: levels, or also real numbers between two of them."""

    floats: Literal["never", "asked", "always"] = "never"  # noise and augmentation unrounded
    levels: int | None = None  # that images must have; None: any


LIKELIHOODS = {
    "mixture": LikelihoodRow(),
    "gaussian": LikelihoodRow(floats="always"),
    "bernoulli": LikelihoodRow(floats="asked", levels=2),
}


def likelihood_row(likelihood: str) -> LikelihoodRow:
    """Which images it takes; levels, where a likelihood of one's own says nothing."""
    return LIKELIHOODS.get(likelihood, LikelihoodRow())


def images_of(dataset: str) -> DatasetRow:
    """The row of a data set, or of the images in the npz at that path, by its headers alone.

    Headers know no levels: 256 here, also where loading finds zeros and ones only. CIFAR-10's row
    stands in for a file that is not there or cannot be read; loading tells why.
    """
    if dataset in DATASETS:
        return DATASETS[dataset]
    try:
        with ZipFile(dataset) as archive:
            count, test, side, channels = _own_images(archive)
    except UNREADABLE:
        return DATASETS["cifar10"]
    whole = {"official_test": test} if test else {"undivided": count}
    images = count if test else undivided(count)
    return DatasetRow(channels, padded(side), 256, images, RESIDUAL, **whole)


def names_of(found: Sequence[str]) -> dict[str, str]:
    """Returns our names of an archive's arrays and what they are called in it."""
    ours = {name: name for name in found}
    if any(layout <= ours.keys() for layout in (DIVIDED, WHOLE, JPEG)):
        return ours
    for layout in OTHERS.values():
        if {theirs for name, theirs in layout.items() if "images" in name} <= ours.keys():
            return {name: theirs for name, theirs in layout.items() if theirs in ours}
    return ours


def as_uint8(images: Any) -> str:
    """Returns the code that makes levels of an array of whole numbers, without wrapping them."""
    if images.dtype.kind not in "iu" or not images.size:
        return "images.astype(np.uint8)"
    low, high = int(images.min()), int(images.max())
    if 0 <= low and high <= 255:
        return "images.astype(np.uint8)"
    shifted = f"(images - {low})" if low < 0 else "images"
    return f"({shifted} * (255 / {high - min(low, 0)})).round().astype(np.uint8)"


def padded(side: int) -> int:
    """The side after zero-padding."""
    return side + -side % MULTIPLE


def undivided(count: int) -> int:
    """How many of so many images are for training where an own file does not say which."""
    return max(0, count - max(1, count // TEST_PART))


def _own_images(archive: ZipFile) -> tuple[int, int, int, int]:
    """Images, those of them in a test set of its own, side, channels (`scaling.data.npz`)."""
    test = 0
    names = names_of([name.removesuffix(".npy") for name in archive.namelist()])
    if DIVIDED <= names.keys():
        count, side, *rest = _shape(archive, f"{names['train_images']}.npy")
        test = _shape(archive, f"{names['test_images']}.npy")[0]
    elif WHOLE <= names.keys():
        count, side, *rest = _shape(archive, f"{names['images']}.npy")
    else:
        count = _shape(archive, "offsets.npy")[0] - 1
        side, *rest = _jpeg_shape(archive)
    return count, test, side, rest[1] if len(rest) == 2 else 1


def _shape(archive: ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(name) as stream:
        return _read_header(stream)


def _jpeg_shape(archive: ZipFile) -> tuple[int, ...]:
    """Of the first image in `jpeg`."""
    from PIL import Image

    with archive.open("jpeg.npy") as stream:
        _read_header(stream)
        first = io.BytesIO(stream.read(HEAD))
    with Image.open(first, formats=["JPEG"]) as image:
        return (image.height, image.width, len(image.getbands()))


def _read_header(stream: Any) -> tuple[int, ...]:
    """The shape in the header of an npy; the stream is left at the array's first byte."""
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(stream)[0]
