"""Lists the properties of data sets (image shape, settings of Appendix B.1) and likelihoods."""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any, Literal, TypedDict
from zipfile import BadZipFile, ZipFile

MULTIPLE = 4  # sides are padded to a multiple of this, because the networks halve them twice
TEST_PART = 5  # a file without a test set gives one image in TEST_PART to testing
HEAD = 1 << 16  # the first bytes of a JPEG file, which hold its size in pixels
# A user's npz file has the first of these layouts whose arrays all exist; labels are optional.
DIVIDED, WHOLE, JPEG = {"train_images", "test_images"}, {"images"}, {"jpeg", "offsets"}
OTHERS = {  # layouts of other tools: the first whose image arrays all exist is renamed to ours
    "Keras": {"train_images": "x_train", "train_labels": "y_train",
              "test_images": "x_test", "test_labels": "y_test"},
    "Keras, without a test set": {"images": "x_train", "labels": "y_train"},
    "np.savez without names": {"images": "arr_0", "labels": "arr_1"},
}  # fmt: skip
UNREADABLE = (  # exceptions raised when a damaged npy or npz file is read
    *(ValueError, OSError, EOFError, LookupError, MemoryError, RuntimeError),
    *(TokenError, zlib.error, BadZipFile),
)


class VaeSettings(TypedDict, total=False):
    """Holds the settings of a data set's VAE in Appendix B.1: fields of a VaeTrial."""

    network: str
    likelihood: str
    mixtures: int
    lr: float
    batch: int


@dataclass(frozen=True)
class DatasetEntry:
    """Describes a data set: image shape, number of levels, and the settings of Appendix B.1."""

    channels: int
    side: int  # pixels, after zero-padding to a multiple of 4
    levels: int
    train_images: int
    settings: VaeSettings
    official_test: int | None = None  # images in the official test set, if it has one
    undivided: int | None = None  # number of all images, if they are published as one set
    validation: int | None = None  # most images used for validation; None: a quarter of the rest
    development: int | None = None  # images reserved for development; None: a tenth

    @property
    def image_bytes(self) -> int:
        """Returns the bytes of one image as uint8 levels."""
        return self.channels * self.side**2

    @property
    def all_images(self) -> int:
        """Returns the number of all images, those for training and testing together."""
        if self.undivided:
            return self.undivided
        tested = self.train_images // (TEST_PART - 1)  # an estimate where the number is unknown
        return self.train_images + (tested if self.official_test is None else self.official_test)


FULLY_CONNECTED: VaeSettings = {"network": "fully_connected", "lr": 1e-3, "batch": 100}
RESIDUAL: VaeSettings = {
    "network": "residual",
    "likelihood": "mixture",
    "mixtures": 10,
    "lr": 1e-4,
    "batch": 100,
}
DATASETS = {
    "digits": DatasetEntry(
        *(1, 8, 17, 1297, RESIDUAL | {"mixtures": 5, "lr": 3e-3, "batch": 30}),
        undivided=1797,
        validation=300,
        development=197,
    ),
    "mnist": DatasetEntry(1, 32, 2, 60_000, FULLY_CONNECTED | {"likelihood": "bernoulli"}, 10_000),
    "fashion_mnist": DatasetEntry(
        1, 32, 256, 60_000, FULLY_CONNECTED | {"likelihood": "gaussian"}, 10_000
    ),
    "cifar10": DatasetEntry(3, 32, 256, 50_000, RESIDUAL, 10_000),
}


@dataclass(frozen=True)
class LikelihoodEntry:
    """Describes the images that a likelihood models: levels, or also values between two levels."""

    # Whether noise and augmentation may stay unrounded; "on_request": only if the source says so.
    floats: Literal["never", "on_request", "always"] = "never"
    levels: int | None = None  # number of levels that images must have; None: any


LIKELIHOODS = {
    "mixture": LikelihoodEntry(),
    "gaussian": LikelihoodEntry(floats="always"),
    "bernoulli": LikelihoodEntry(floats="on_request", levels=2),
}


def likelihood_entry(likelihood: str) -> LikelihoodEntry:
    """Returns the images that a likelihood models; levels only, for an unlisted one of a user's."""
    return LIKELIHOODS.get(likelihood, LikelihoodEntry())


def images_of(dataset: str) -> DatasetEntry:
    """Returns the properties of a data set, or of the images in the npz file at that path.

    Only the headers of a file are read. They do not contain the number of levels, so 256 is
    assumed, even where loading later finds only zeros and ones. If the file is missing or cannot
    be read, the entry of CIFAR-10 is returned; loading the file then reports the reason.
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
    return DatasetEntry(channels, padded(side), 256, images, RESIDUAL, **whole)


def names_of(names: Sequence[str]) -> dict[str, str]:
    """Returns a map from this project's names of arrays to their names in an archive."""
    ours = {name: name for name in names}
    if any(layout <= ours.keys() for layout in (DIVIDED, WHOLE, JPEG)):
        return ours
    for layout in OTHERS.values():
        if {theirs for name, theirs in layout.items() if "images" in name} <= ours.keys():
            return {name: theirs for name, theirs in layout.items() if theirs in ours}
    return ours


def as_uint8(images: Any) -> str:
    """Returns Python code that converts whole numbers to levels without integer overflow."""
    if images.dtype.kind not in "iu" or not images.size:
        return "images.astype(np.uint8)"
    low, high = int(images.min()), int(images.max())
    if 0 <= low and high <= 255:
        return "images.astype(np.uint8)"
    shifted = f"(images - {low})" if low < 0 else "images"
    return f"({shifted} * (255 / {high - min(low, 0)})).round().astype(np.uint8)"


def padded(side: int) -> int:
    """Returns the side in pixels after zero-padding."""
    return side + -side % MULTIPLE


def undivided(count: int) -> int:
    """Returns the number of training images among `count` images of a file without a test set."""
    return max(0, count - max(1, count // TEST_PART))


def _own_images(archive: ZipFile) -> tuple[int, int, int, int]:
    """Returns the number of images, of separate test images, the side and the channels of a file.

    `scaling.data.npz` describes the layouts.
    """
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
    """Returns the shape (height, width, channels) of the first image in the array `jpeg`."""
    from PIL import Image

    with archive.open("jpeg.npy") as stream:
        _read_header(stream)
        first = io.BytesIO(stream.read(HEAD))
    with Image.open(first, formats=["JPEG"]) as image:
        return (image.height, image.width, len(image.getbands()))


def _read_header(stream: Any) -> tuple[int, ...]:
    """Returns the shape in the header of an npy and leaves the stream at the array's first byte."""
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(stream)[0]
