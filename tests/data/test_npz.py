"""A user's npz files: what is read from them, and a sentence for each possible fault."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scaling.data import npz
from scaling.data.datasets import load
from scaling.errors import UsageError
from scaling.trial.catalog import DATASETS, images_of
from tests.narrow import not_none
from tests.small_npz import COLOUR, GREY, LABELS, jpeg, jpegs, save

FILES = [jpeg(image) for image in COLOUR]


def refused(path, match):
    with pytest.raises(UsageError, match=match):
        npz.read_own(path)


def equal(half, images, labels):
    np.testing.assert_array_equal(half[0], images)
    np.testing.assert_array_equal(half[1], labels)


def test_training_and_test_images_are_read(tmp_path):
    arrays = {"train_images": COLOUR[:8], "test_images": COLOUR[8:], "index": np.zeros(3)}
    labels = {"train_labels": LABELS[:8], "test_labels": LABELS[8:]}
    train, test = npz.read_own(save(tmp_path, **arrays, **labels))
    equal(train, COLOUR[:8], LABELS[:8])
    equal(test, COLOUR[8:], LABELS[8:])
    train, test = npz.read_own(save(tmp_path, **arrays))
    assert train[1].shape == not_none(test)[1].shape == (0,)


@pytest.mark.parametrize("images", [GREY, GREY[..., None], COLOUR])
def test_one_set_of_images_is_read(tmp_path, images):
    whole, test = npz.read_own(save(tmp_path, images=images, labels=LABELS))
    equal(whole, images, LABELS)
    assert test is None


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_jpeg_bytes_are_decoded_each_as_pillow_decodes_it(tmp_path, images):
    files = [jpeg(image) for image in images]
    (decoded, labels), _ = npz.read_own(save(tmp_path, **jpegs(files), labels=LABELS))
    for image, file in zip(decoded, files, strict=True):
        np.testing.assert_array_equal(image, np.asarray(Image.open(io.BytesIO(file))))
    assert decoded.shape == images.shape and (labels == LABELS).all()


def test_a_data_set_of_two_files_needs_both(tmp_path):
    save(tmp_path, "some_train.npz", images=GREY[:8], labels=LABELS[:8])
    assert npz.read_pair(tmp_path, "some") is None
    save(tmp_path, "some_test.npz", images=GREY[8:], labels=LABELS[8:])
    train, test = not_none(npz.read_pair(tmp_path, "some"))
    equal(train, GREY[:8], LABELS[:8])
    equal(test, GREY[8:], LABELS[8:])
    assert npz.read_pair(tmp_path, "some", "_jpeg") is None


UNIT = GREY / np.float32(255)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "names": (
        {"x": GREY, "y": LABELS},
        "contains x, y. Name its arrays train_images and test_images",
    ),
    "half of a pair": ({"train_images": GREY}, "contains train_images. Name"),
    "no offsets": ({"jpeg": GREY.ravel()}, "contains jpeg. Name"),
    "nothing": ({}, "contains nothing. Name"),
    "floats": ({"images": UNIT}, r"The array images in .*own.npz contains float32.*\* 255\)"),
    "int64": ({"images": GREY.astype(int)}, "contains int64.*astype.np.uint8"),
    "bool": ({"images": GREY > 9}, "contains bool.*astype.np.uint8"),
    "text": ({"images": np.array(["a", "b"])}, "contains <U1"),
    "objects": ({"images": np.array([GREY[0], None], object)}, "cannot be read.*Object arrays"),
    "flat": ({"images": GREY.reshape(12, 36)}, r"shape \(12, 36\). Save it as \(N, H, W\)"),
    "a number": ({"images": np.uint8(3)}, r"shape \(\). Save it"),
    "no images": ({"images": GREY[:0]}, "no pixels"),
    "no height": ({"images": GREY[:, :0]}, "no pixels"),
    "two channels": ({"images": COLOUR[..., :2]}, "has 2 channels instead of 1 or 3"),
    "alpha": ({"images": np.zeros((2, 6, 6, 4), np.uint8)}, "has 4 channels instead of 1 or 3"),
    "channels first": ({"images": np.moveaxis(COLOUR, 3, 1)}, r"transpose\(0, 2, 3, 1\)"),
    "oblong": ({"images": COLOUR[:, :5]}, "images of 5 x 6 pixels. Crop or pad"),
    "few labels": ({"images": GREY, "labels": LABELS[:9]}, r"labels in .*shape \(9,\).*the 12 im"),
    "one-hot": ({"images": GREY, "labels": np.eye(12, dtype=int)}, r"\(12, 12\)"),
    "float labels": ({"images": GREY, "labels": LABELS / 2}, "float64.*whole number"),
    "train and test": (
        {"train_images": GREY, "test_images": COLOUR},
        r"training images of the shape \(6, 6\) and test images of the shape \(6, 6, 3\)",
    ),
    "test labels": (
        {"train_images": GREY, "test_images": GREY[:4], "test_labels": LABELS},
        "test_labels in .*the 4 images",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arrays_are_refused(tmp_path, name):
    arrays, match = WRONG[name]
    refused(save(tmp_path, **arrays), match)


GOOD = jpegs(FILES)
UNCLEAR = "does not say where its JPEG files begin"
CMYK = io.BytesIO()
Image.new("CMYK", (6, 6)).save(CMYK, "JPEG")
PNG = io.BytesIO()
Image.fromarray(COLOUR[0]).save(PNG, "PNG")
WRONG_JPEG = {
    "cut bytes": (GOOD | {"jpeg": GOOD["jpeg"][:-50]}, "offsets in .* end at .*incomplete"),
    "falling": (GOOD | {"offsets": GOOD["offsets"][::-1].copy()}, UNCLEAR),
    "negative": (GOOD | {"offsets": GOOD["offsets"] - 5}, UNCLEAR),
    "float": (GOOD | {"offsets": GOOD["offsets"] / 1.0}, UNCLEAR),
    "one offset": (GOOD | {"offsets": GOOD["offsets"][:1]}, UNCLEAR),
    "a table": (GOOD | {"offsets": GOOD["offsets"][None]}, UNCLEAR),
    "no bytes": (GOOD | {"jpeg": GOOD["jpeg"].astype(int)}, UNCLEAR),
    "shifted": (GOOD | {"offsets": GOOD["offsets"][1:] - 3}, "Image 0 .*cannot be read"),
    "torn": (jpegs([FILES[0], FILES[1][:-200], FILES[2]]), "Image 1 .*cannot be read"),
    "a PNG": (jpegs([FILES[0], PNG.getvalue()]), "Image 1 .*cannot be read"),
    "CMYK": (jpegs([FILES[0], CMYK.getvalue()]), "Image 1 .*mode CMYK.*grey"),
    "sizes": (jpegs([FILES[0], jpeg(COLOUR[0][:5])]), r"Image 1 .*\(5, 6, 3\), but the first"),
    "oblong": (jpegs([jpeg(COLOUR[0][:5])]), "5 x 6 pixels"),
    "labels": (GOOD | {"labels": LABELS[:3]}, r"labels in .*shape \(3,\)"),
}


@pytest.mark.parametrize("name", WRONG_JPEG)
def test_wrong_jpegs_are_refused(tmp_path, name):
    arrays, match = WRONG_JPEG[name]
    refused(save(tmp_path, **arrays), match)


def test_wrong_files_are_refused(tmp_path):
    refused(tmp_path / "none.npz", "none.npz does not exist")
    refused(tmp_path, "does not exist")
    text, array = tmp_path / "text.npz", tmp_path / "array.npz"
    text.write_text("images")
    with open(array, "wb") as stream:
        np.save(stream, GREY)
    for path in (text, array):
        refused(path, "cannot be read as an npz.*np.savez_compressed")
    with zipfile.ZipFile(tmp_path / "folder.npz", "w") as archive:
        archive.writestr("images", "no array")
    refused(tmp_path / "folder.npz", "images in .* contains .S8")


def test_damage_anywhere_is_refused(tmp_path):
    whole = save(tmp_path, images=GREY, labels=LABELS).read_bytes()
    start = whole.index(GREY.tobytes())
    for damaged in (
        whole[: len(whole) // 2],
        whole[:-30],
        whole[:start] + bytes([whole[start] ^ 1]) + whole[start + 1 :],
    ):
        (tmp_path / "damaged.npz").write_bytes(damaged)
        refused(tmp_path / "damaged.npz", "cannot be read as an npz")


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "memory_bytes", lambda: npz.COPIES << 20)
    zeros = np.zeros((1100, 32, 32), np.uint8)
    np.savez_compressed(tmp_path / "bomb.npz", images=zeros)
    assert (tmp_path / "bomb.npz").stat().st_size < 1 << 14
    refused(tmp_path / "bomb.npz", "bomb.npz unpacks to")
    files = [jpeg(np.zeros((1024, 1024), np.uint8))] * 2
    np.savez_compressed(tmp_path / "jpegs.npz", **jpegs(files))
    refused(tmp_path / "jpegs.npz", "jpegs.npz unpacks to more")


def test_a_header_that_promises_too_many_bytes_is_refused(tmp_path):
    header = io.BytesIO()
    promise = {"descr": "|u1", "fortran_order": False, "shape": (10**9, 1000, 1000)}
    np.lib.format.write_array_header_1_0(header, promise)
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(100))
    refused(tmp_path / "own.npz", "cannot be read as an npz")


@pytest.mark.parametrize("header", [b"{'descr': ", b"[" * 30, b"{}", b"\xff" * 20])
def test_broken_headers_are_refused(tmp_path, header):
    npy = b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.writestr("images.npy", npy + bytes(100))
    refused(tmp_path / "own.npz", "cannot be read as an npz")
    assert images_of(str(tmp_path / "own.npz")) == DATASETS["cifar10"]


def test_training_images_without_test_images_do_not_count(tmp_path):
    """Planning, which reads headers, and loading must choose the same array."""
    path = str(save(tmp_path, train_images=GREY[:3], images=GREY))
    assert images_of(path).train_images == len(load(path).train)


def test_a_single_image_is_refused(tmp_path):
    with pytest.raises(UsageError, match="single image"):
        load(str(save(tmp_path, images=GREY[:1])))


@pytest.mark.parametrize(
    ("arrays", "test"),
    [
        ({"x_train": GREY[:8], "y_train": LABELS[:8], "x_test": GREY[8:], "y_test": LABELS[8:]}, 4),
        ({"x_train": GREY, "y_train": LABELS[:, None]}, 0),
        ({"arr_0": GREY, "arr_1": LABELS}, 0),
        ({"arr_0": GREY}, 0),
        ({"images": GREY, "labels": LABELS[:, None], "arr_0": COLOUR, "x_train": COLOUR}, 0),
    ],
)
def test_files_of_other_tools_are_read(tmp_path, arrays, test):
    """Planning reads the headers of the same arrays."""
    path = save(tmp_path, **arrays)
    first, second = npz.read_own(path)
    images = np.concatenate([first[0], second[0]]) if second else first[0]
    labels = np.concatenate([first[1], second[1]]) if second else first[1]
    np.testing.assert_array_equal(images, GREY)
    np.testing.assert_array_equal(labels, LABELS if len(arrays) > 1 else [])
    row = images_of(str(path))
    assert (row.all_images if not test else row.train_images + not_none(row.official_test)) == len(
        GREY
    )
    assert (row.official_test or 0) == test


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint16", 0, 4095), ("int16", -1024, 3071), ("int32", 7, 255), ("int64", -3, 100)],
)
def test_the_advised_conversion_keeps_the_order_of_numbers(tmp_path, dtype, low, high):
    """The advised code is run: it must give levels in the order of the numbers."""
    images = np.linspace(low, high, 12 * 36).reshape(12, 6, 6).astype(dtype)
    with pytest.raises(UsageError) as error:
        npz.read_own(save(tmp_path, images=images))
    advised = eval(str(error.value).partition("255: ")[2].rstrip("."), {"images": images, "np": np})
    assert advised.dtype == np.uint8
    assert (np.diff(advised.ravel().astype(int)) >= 0).all()
    assert advised.max() == 255
