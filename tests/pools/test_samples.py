"""Samples that are refused, each with a sentence, before anything is written."""

import os
import pickle
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from scaling.errors import UsageError
from scaling.pools import samples
from scaling.pools.importing import import_samples
from tests.small_pool import COLOUR, GREY, SIZE, images, import_into, save_npy, save_pngs


def refused(folder, source, match, **options):
    with pytest.raises(UsageError, match=match):
        import_into(folder, source, **options)
    assert not (folder / "pools").exists()


@pytest.mark.parametrize(
    ("array", "options", "match"),
    [
        (GREY / np.float32(255), {}, "floats from 0 to 1 .*--rescale unit"),
        (GREY / 127.5 - 1, {}, "floats from -1 to 1 .*--rescale symmetric"),
        (GREY * 1.0, {}, "floats from 0 to 255 .*uint8"),
        (
            GREY / 127.5 - 1,
            {"rescale": "unit"},
            "unit means 0 to 1. Give --rescale symmetric",
        ),
        (GREY / 100 - 1, {"rescale": "symmetric"}, "to 1.55, .*Clip"),
        (GREY / 255 * np.nan, {"rescale": "unit"}, "floats from nan to nan"),
        (GREY / 255, {"rescale": "other"}, "Unknown --rescale 'other'. Known: symmetric, unit"),
        (GREY, {"rescale": "unit"}, "already contains levels.*Leave out --rescale"),
        (GREY, {"levels": 17}, "levels from 0 to 255, .* 0 to 16"),
        (GREY.astype(np.int64), {}, "int64.*uint8"),
        (GREY.astype(complex), {}, "complex128"),
        (GREY[:9], {}, "has 9 images, and one chunk needs 10.*--train-size 9"),
        (GREY[:0], {}, "cannot be read|has 0 images"),
        (COLOUR, {}, "(3, 32, 32).*has .1, 32, 32"),
        (GREY[:, :, :20, :20], {}, "20, 20.*has .1, 32, 32"),
        (GREY.reshape(25, -1), {}, r"shape \(25, 1024\)"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, array, options, match):
    refused(tmp_path, save_npy(tmp_path, array), match, **options)


def test_a_wrong_value_in_the_last_chunk_is_refused_before_the_first_is_written(tmp_path):
    late = images(0, 20, levels=17)
    late[19, 0, 31, 31] = 17
    refused(tmp_path, save_npy(tmp_path, late), "levels from 0 to 17", levels=17)


def test_wrong_files_are_refused(tmp_path):
    refused(tmp_path, tmp_path / "none.npy", "none.npy does not exist")
    (tmp_path / "text.csv").write_text("1,2")
    refused(tmp_path, tmp_path / "text.csv", "text.csv is of an unknown kind")
    whole = save_npy(tmp_path, GREY)
    whole.write_bytes(whole.read_bytes()[:-100])
    refused(tmp_path, whole, "samples.npy cannot be read")
    np.savez(tmp_path / "torn.npz", images=GREY)
    (tmp_path / "torn.npz").write_bytes((tmp_path / "torn.npz").read_bytes()[:-100])
    refused(tmp_path, tmp_path / "torn.npz", "torn.npz cannot be read")
    (tmp_path / "npy.npz").write_bytes(save_npy(tmp_path, GREY).read_bytes())
    refused(tmp_path, tmp_path / "npy.npz", "npy.npz cannot be read")
    with ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("images", "no array")
    refused(tmp_path, tmp_path / "text.npz", r"text.npz has the shape \(\)")
    np.savez(tmp_path / "two.npz", left=GREY, right=GREY)
    refused(
        tmp_path, tmp_path / "two.npz", "contains left, right.*Name one of them images or samples"
    )
    np.savez(tmp_path / "both.npz", images=GREY, samples=GREY)
    refused(tmp_path, tmp_path / "both.npz", "contains images, samples")


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["evil.npy", "evil.npz", "pickle.npy", "pickle.npz"])
def test_objects_and_pickles_are_not_run(tmp_path, name):
    source, evil = tmp_path / name, np.array([Evil(tmp_path / "owned")] * 20, dtype=object)
    if name == "evil.npy":
        np.save(source, evil, allow_pickle=True)
    elif name == "evil.npz":
        np.savez(source, images=evil, allow_pickle=True)
    else:
        source.write_bytes(pickle.dumps(evil))
    refused(tmp_path, source, f"{name} cannot be read as numbers")
    assert not (tmp_path / "owned").exists()


def test_wrong_pngs_are_refused(tmp_path):
    (tmp_path / "pngs").mkdir()
    refused(tmp_path, tmp_path / "pngs", "contains no .png file")
    (tmp_path / "pngs").rmdir()
    pngs = save_pngs(tmp_path, GREY[:, 0])
    wide = Image.fromarray(np.zeros((32, 40), np.uint8))
    wide.save(pngs / "004.png")
    refused(tmp_path, pngs, r"004.png has the shape \(32, 40\), but others have \(32, 32\)")
    Image.fromarray(GREY[0, 0]).convert("P").save(pngs / "004.png")
    refused(tmp_path, pngs, "004.png has the mode P")
    whole = (pngs / "005.png").read_bytes()
    (pngs / "004.png").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, pngs, "004.png cannot be read")
    (pngs / "004.png").write_bytes(b"no png")
    refused(tmp_path, pngs, "004.png cannot be read")


def test_a_name_that_leaves_the_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="name of a pool"):
        import_samples(
            save_npy(tmp_path, GREY),
            tmp_path / "pools",
            "../theirs",
            dataset="set",
            levels=256,
            train=images(7, SIZE),
        )


def test_only_levels_are_resized():
    with pytest.raises(
        UsageError, match="--resize needs uint8 levels, and these are float64. Save"
    ):
        samples.resized(np.zeros((1, 16, 16)), 8)


@pytest.mark.parametrize(
    ("kind", "rescale", "words"),
    [(np.int64, None, "contains int64. Save levels"), (np.uint8, "unit", "Leave out --rescale")],
)
def test_rescale_is_needed_for_other_numbers_and_refused_for_levels(kind, rescale, words):
    with pytest.raises(UsageError, match=words):
        samples.as_levels(np.zeros((1, 8, 8), kind), 17, (1, 8, 8), rescale, "samples.npy")
