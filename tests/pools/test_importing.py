"""Imported samples: every usual form gives the same pool, and every fault a sentence."""

import os
import re

import numpy as np
import pytest

from scaling.errors import UsageError
from scaling.pools.build import missing
from scaling.pools.pool import Pool, info
from tests.small_pool import COLOUR, GREY, SIZE, images, import_into, save_npy, save_pngs


def read_all(report):
    pool = Pool.open(report.path, report.path.parent)
    assert pool.verify() == []
    return np.concatenate([pool.read(i) for i in range(pool.k)])


LAYOUTS = {
    "CHW": (GREY, GREY),
    "HW": (GREY[:, 0], GREY),
    "HW1": (GREY[:, 0, :, :, None], GREY),
    "colour CHW": (COLOUR, COLOUR),
    "colour HWC": (COLOUR.transpose(0, 2, 3, 1), COLOUR),
    "fortran": (np.asfortranarray(GREY), GREY),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images(tmp_path, layout):
    array, expected = LAYOUTS[layout]
    report = import_into(tmp_path, save_npy(tmp_path, array), like=expected)
    assert (read_all(report) == expected[:20]).all()
    assert (report.k, report.images, report.left_over) == (2, 25, 5)
    assert "5 images after the last complete chunk are left out" in "\n".join(report.lines())


def test_the_name_of_a_pool_depends_on_its_content(tmp_path):
    from_npy = import_into(tmp_path, save_npy(tmp_path, GREY[:, 0]))
    np.savez(tmp_path / "one.npz", whatever=GREY)
    np.savez_compressed(tmp_path / "named.npz", labels=np.zeros(25), samples=GREY)
    pngs = save_pngs(tmp_path, GREY[:, 0])
    for source in (tmp_path / "one.npz", tmp_path / "named.npz", pngs):
        assert import_into(tmp_path, source).path == from_npy.path
    assert re.fullmatch("theirs-[0-9a-f]{12}", from_npy.path.name)
    changed = GREY.copy()
    changed[19, 0, 3, 3] ^= 1
    other = import_into(tmp_path, save_npy(tmp_path, changed, "changed.npy"))
    assert other.path != from_npy.path
    assert (read_all(from_npy) == GREY[:20]).all()


def test_an_imported_pool_names_no_model_and_cannot_grow(tmp_path):
    path = import_into(tmp_path, save_npy(tmp_path, GREY)).path
    pool = Pool.open(path, path.parent)
    assert (pool.spec.model, pool.spec.epochs, pool.spec.sampler) == (None, None, None)
    assert '"first_seed": null' in (path / "pool.json").read_text()
    assert "imported from samples.npy" in "\n".join(info(pool))
    with pytest.raises(UsageError, match="has 2 chunks, and k=3 needs 3. Import enough"):
        pool.check_for("set", 256, (1, 32, 32), SIZE, k=3)


def test_a_killed_import_continues(tmp_path):
    source = save_npy(tmp_path, GREY)
    path = import_into(tmp_path, source).path
    first = (path / "chunk-00000.npy").stat().st_mtime_ns
    (path / "chunk-00001.npy").unlink()
    assert missing(path, 2) == [1]
    assert (read_all(import_into(tmp_path, source)) == GREY[:20]).all()
    assert (path / "chunk-00000.npy").stat().st_mtime_ns == first


def test_colour_pngs_are_read_in_the_order_of_their_names(tmp_path):
    pngs = save_pngs(tmp_path, COLOUR.transpose(0, 2, 3, 1))
    (pngs / "readme.txt").write_text("no image")
    os.rename(pngs / "000.png", pngs / "0000.PNG")
    assert (read_all(import_into(tmp_path, pngs, like=COLOUR)) == COLOUR[:20]).all()


def test_28_pixels_are_padded_to_32_with_zeros(tmp_path):
    small = images(0, 20, (28, 28))
    padded = read_all(import_into(tmp_path, save_npy(tmp_path, small)))
    assert (padded[:, 0, 2:30, 2:30] == small).all()
    assert padded.sum(dtype=int) == small.sum(dtype=int)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("rescale", "black", "white"), [("unit", 0, 1), ("symmetric", -1, 1)])
def test_floats_become_the_nearest_level(tmp_path, levels, dtype, rescale, black, white):
    whole = images(0, 20, levels=levels)
    whole[0, 0, 0, :2] = 0, levels - 1
    # rounding, in units of a level
    noise = np.random.default_rng(1).uniform(-0.4, 0.4, whole.shape)
    floats = (black + (whole + noise) / (levels - 1) * (white - black)).astype(dtype)
    report = import_into(tmp_path, save_npy(tmp_path, floats), levels=levels, rescale=rescale)
    assert (read_all(report) == whole).all()


def test_booleans_are_two_levels(tmp_path):
    whole = images(0, 20, levels=2)
    report = import_into(tmp_path, save_npy(tmp_path, whole.astype(bool)), levels=2)
    assert (read_all(report) == whole).all()


def test_repeats_and_copies_are_counted(tmp_path, digits):
    train = digits.train[:100]
    mixed = digits.test[:200].copy()
    mixed[50:60] = mixed[:10]  # 10 repeats
    mixed[100:105] = train[:5]  # 5 copies
    near = train[10:17].copy()
    near[:, :, 0, 0] ^= 1
    mixed[150:157] = near  # and 7 near copies
    source = save_npy(tmp_path, mixed)
    report = import_into(tmp_path, source, levels=17, train=train)
    assert (report.duplicates, report.copies) == (10, 5)
    assert (report.near.checked, report.near.found) == (200, 12)
    text = "\n".join(report.lines())
    assert "10 are exact repeats of others, 5 are in D_train" in text
    assert "12 of 200 checked are near copies" in text


def test_near_copies_are_sought_in_a_part_of_many(tmp_path, monkeypatch):
    monkeypatch.setattr("scaling.pools.importing.CHECKED_FOR_COPIES", 7)
    train = images(7, SIZE)
    report = import_into(tmp_path, save_npy(tmp_path, np.concatenate([train] * 3)), train=train)
    assert (report.near.checked, report.near.found) == (7, 7)
    assert (report.duplicates, report.copies) == (20, 30)
