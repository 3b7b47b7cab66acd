"""Figure 9: the drawn pixels are those of arrays.npz."""

import numpy as np
import pytest
from matplotlib.image import imread

from analysis import figures
from analysis.__main__ import main
from analysis.errors import ResultsError
from tests.analysis.made_up import rows, source

SETS = ("test_images", "reconstructions", "reconstruction_samples")


def images(number, side, channels, top, count=16):
    rng = np.random.default_rng(number)
    return rng.integers(0, top + 1, (count, channels, side, side)).astype(np.uint8)


def place(studies, side=8, channels=1, top=16, dataset="digits", methods=("normal", "dmaapx")):
    """Writes trials of two seeds with arrays, each identified by a number."""
    for at, name in enumerate(methods):
        for seed in (0, 1):
            studies.vae(rows(1.0, 1.0, seed), seed, source=source(name), dataset=dataset)
            folder = studies.results.root / "trials" / f"trial-{studies.made}"
            numbers = (0, 10 + at + 100 * seed, 20 + at + 100 * seed)
            arrays = {n: images(k, side, channels, top) for n, k in zip(SETS, numbers, strict=True)}
            np.savez(folder / "arrays.npz", **arrays)
    return studies.results.close()


@pytest.mark.parametrize(
    ("side", "channels", "top", "dataset"),
    [(8, 1, 16, "digits"), (32, 1, 1, "mnist"), (32, 3, 255, "cifar10"), (8, 1, 15, "rings")],
)
def test_every_level_is_drawn_as_equal_squares(studies, tmp_path, side, channels, top, dataset):
    study = place(studies, side, channels, top, dataset)
    assert main(["fig9", "--results", str(study), "-o", str(tmp_path / "f.png")]) == 0
    drawn = imread(tmp_path / "f.png")[..., :3]
    figure = figures.draw("fig9", figures.load("fig9", study))
    (ax,) = figure.axes
    left, bottom, wide, tall = ax.get_position().bounds
    high, across = drawn.shape[:2]
    gap = max(1, round(0.06 * side))
    zoom = round(wide * across) // (9 * (side + gap) - gap)
    assert zoom >= 3
    begin = round((1 - bottom - tall) * high)
    expected = [images(n, side, channels, top) for n in (0, 10, 11, 20, 21)]
    for row, levels in enumerate(expected):
        for column in (0, 8):
            y, x = (zoom * (side + gap) * at for at in (row, column))
            part = drawn[begin + y :, round(left * across) + x :][: zoom * side, : zoom * side]
            squares = levels[column].transpose(1, 2, 0) / top
            squares = np.broadcast_to(squares, (side, side, 3)).repeat(zoom, 0).repeat(zoom, 1)
            np.testing.assert_allclose(part, squares, atol=1 / 255)
    names = [text.get_text() for text in ax.texts]
    assert names == ["test images", "normal", "DMaaPx", "normal, sampled", "DMaaPx, sampled"]
    assert "seed 0" in figure.get_supxlabel()


def test_the_numbers_are_the_psnr_of_the_drawn_levels(studies):
    table = figures.numbers("fig9", figures.load("fig9", place(studies)))
    assert len(table) == 2 * 2 * 9
    here = table[(table["shown"] == "reconstruction_samples") & (table["source"] == "dmaapx")]
    difference = (images(21, 8, 1, 16).astype(float) - images(0, 8, 1, 16))[3] / 16
    assert here["psnr"].iloc[3] == pytest.approx(-10 * np.log10((difference**2).mean()))


@pytest.mark.parametrize("top", [1, 3, 15, 255])
def test_data_sets_of_modules_have_the_levels_of_their_images(studies, top):
    table = figures.numbers("fig9", figures.load("fig9", place(studies, 8, 1, top, "rings")))
    here = table[(table["shown"] == "reconstruction_samples") & (table["source"] == "dmaapx")]
    difference = (images(21, 8, 1, top).astype(float) - images(0, 8, 1, top))[3] / top
    assert here["psnr"].iloc[3] == pytest.approx(-10 * np.log10((difference**2).mean()))


def test_the_paper_has_four_methods_in_its_order(studies):
    study = place(studies, methods=("aug_naive", "aug_tuned", "dmaapx", "normal"))
    ax = figures.draw("fig9", figures.load("fig9", study)).axes[0]
    assert [t.get_text() for t in ax.texts][1:5] == ["normal", "DMaaPx", "Aug.Tuned", "Aug.Naive"]


def test_without_images_the_error_says_why(studies, tmp_path, results):
    study = place(studies)
    frame = figures.load("fig9", study)
    with pytest.raises(ResultsError, match="from a study's folder"):
        figures.draw("fig9", frame.drop(columns="folder"))
    arrays = results.root / "trials" / "trial-1" / "arrays.npz"
    np.savez(arrays, reconstructions=images(0, 8, 1, 16))
    with pytest.raises(ResultsError, match="arrays.npz cannot be read .KeyError"):
        figures.draw("fig9", frame)
    arrays.write_bytes(b"PK no zip")
    with pytest.raises(ResultsError, match="arrays.npz cannot be read"):
        figures.draw("fig9", frame)
    (tmp_path / "trials.parquet").touch()
    with pytest.raises(ResultsError, match="contains no images"):
        figures.load("fig9", tmp_path / "trials.parquet")
