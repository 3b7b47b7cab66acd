"""PNG files of other tools: in folders of classes, in archives, with files of a Mac."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from scaling.errors import UsageError
from scaling.pools.pngs import Pngs
from scaling.pools.pool import Pool
from scaling.pools.samples import open_samples, resized
from tests.small_pool import GREY, SIZE, images, import_into, save_npy


def classes(folder):
    """Writes GREY in two sub-folders and extra files; paths in order give the order of GREY."""
    for i, image in enumerate(GREY):
        target = folder / "pngs" / ("cats" if i < 10 else "dogs")
        target.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(target / f"{i:03d}.png")
        (target / f"._{i:03d}.png").write_bytes(b"Mac OS X")
    (folder / "pngs" / "__MACOSX").mkdir()
    (folder / "pngs" / "__MACOSX" / "000.png").write_bytes(b"")
    (folder / "pngs" / "labels.csv").write_text("")
    return folder / "pngs"


def zipped(folder, source):
    path = folder / "pngs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(source.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_folders_and_archives_hold_the_same_images(tmp_path, packed):
    source = classes(tmp_path)
    samples = open_samples(zipped(tmp_path, source) if packed else source)
    assert isinstance(samples, Pngs) and len(samples) == len(GREY)
    np.testing.assert_array_equal(samples[3:17], GREY[3:17, 0])


def test_an_archive_becomes_a_pool(tmp_path):
    report = import_into(tmp_path, zipped(tmp_path, classes(tmp_path)))
    assert report.k == len(GREY) // SIZE
    pool = Pool.load(report.path, tmp_path / "pools")
    np.testing.assert_array_equal(pool.read(1), GREY[SIZE : 2 * SIZE])


def test_broken_archives_and_those_without_png_files_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(UsageError, match="cannot be read as a zip"):
        open_samples(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("../x.txt", "")
    with pytest.raises(UsageError, match="contains no .png file"):
        open_samples(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("x.png", b"no picture")
    with pytest.raises(UsageError, match="x.png cannot be read"):
        open_samples(tmp_path / "c.zip")[:1]


def test_images_are_filtered_before_they_are_made_smaller():
    """A checkerboard of single pixels becomes the grey of its mean, without moire."""
    board = np.indices((64, 64)).sum(0) % 2 * 200
    small = resized(board.astype(np.uint8)[None], 32)
    assert small.shape == (1, 32, 32)
    assert np.abs(small[0, 4:-4, 4:-4].astype(int) - 100).max() <= 2


@pytest.mark.parametrize("shape", [(5, 64, 64), (5, 64, 64, 1), (5, 64, 64, 3), (5, 3, 64, 64)])
def test_every_order_of_axes_is_resized_alike(shape):
    x = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    made = resized(x, 32)
    last = shape if shape[1] != 3 else (5, 64, 64, 3)
    assert made.shape == tuple(32 if n == 64 else n for n in last)
    planes = x[2] if shape[1] == 3 else np.moveaxis(x[2].reshape(64, 64, -1), 2, 0)
    expected = np.asarray(Image.fromarray(planes[-1]).resize((32, 32), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(made[2].reshape(32, 32, -1)[..., -1], expected)


def test_larger_samples_are_imported_and_what_was_done_is_recorded(tmp_path):
    large = images(3, 2 * SIZE, (64, 64))
    with pytest.raises(UsageError, match=r"images of the shape \(64, 64\)"):
        import_into(tmp_path, save_npy(tmp_path, large))
    report = import_into(tmp_path, save_npy(tmp_path, large), resize=32)
    pool = Pool.load(report.path, tmp_path / "pools")
    np.testing.assert_array_equal(pool.read(0)[:, 0], resized(large[:SIZE], 32))
    assert "resized from 64 x 64 to 32 x 32 (bicubic, antialiased)" in pool.spec.source
