"""Figure 17: samples of diffusion models, pixel by pixel, and the quality of their pools."""

import csv
from dataclasses import fields

import numpy as np
import pytest
from matplotlib.image import imread

from analysis import figures, report
from analysis.__main__ import main
from analysis.columns import ROW_COLUMNS, TRIAL_COLUMNS
from analysis.errors import ResultsError
from analysis.figures import fig17
from analysis.storage import pools
from scaling.trial import DiffusionTrial
from tests.analysis.pool_files import QUALITY, add_pool, grey


@pytest.mark.parametrize(("channels", "levels", "side"), [(1, 17, 8), (1, 2, 28), (3, 256, 32)])
def test_every_level_is_drawn_as_equal_squares(results, tmp_path, channels, levels, side):
    images = grey(20, levels, side, channels)
    add_pool(results, 0.25, images, levels)
    add_pool(results, 1.0, grey(20, levels, side, channels, seed=1), levels)
    assert main(["fig17", "--results", str(results.close()), "-o", str(tmp_path / "f.png")]) == 0
    drawn = imread(tmp_path / "f.png")[..., :3]
    figure = figures.draw("fig17", figures.load("fig17", results.study))
    first = figure.axes[0]
    left, bottom, wide, tall = first.get_position().bounds
    high, across = drawn.shape[:2]
    top = round((1 - bottom - tall) * high)
    gap, zoom = max(1, round(0.06 * side)), round(66 / side)
    pictures = {at: images[at].transpose(1, 2, 0) / (levels - 1) for at in (0, 9, 10)}

    def panel(shift):
        """Returns the panel's pixels: versions of matplotlib round its first line differently."""
        rows = drawn[top + shift : top + shift + round(tall * high)]
        return rows[:, round(left * across) :][:, : round(wide * across)]

    def differs(at, shift):
        y, x = (place * (side + gap) * zoom for place in divmod(at, 10))
        part = panel(shift)[y : y + side * zoom, x : x + side * zoom]
        squares = np.broadcast_to(pictures[at], (side, side, 3))
        expected = squares.repeat(zoom, axis=0).repeat(zoom, axis=1)
        return np.abs(part - expected).max()

    shift = min((0, -1, 1), key=lambda shift: differs(0, shift))
    assert max(differs(at, shift) for at in pictures) <= 1 / 255
    assert panel(shift)[:, side * zoom : (side + gap) * zoom].min() == 1.0  # white between images
    assert figure.axes[1].get_title() == "digits\n100 % of $D_\\mathrm{train}$, 120 epochs"


def test_models_of_one_share_are_distinguished_by_their_seed(results):
    add_pool(results, 1.0, grey(), seed=0)
    add_pool(results, 1.0, grey(), seed=3)
    add_pool(results, 0.5, grey(), seed=3)
    figure = figures.draw("fig17", fig17.load(results.close()))
    firsts = [ax.get_title().splitlines()[0] for ax in figure.axes]
    assert firsts == ["digits", "digits, seed 0", "digits, seed 3"]


def test_the_csv_has_the_quality_of_pools(results, tmp_path):
    quality = {0.1: {name: value / 3 for name, value in QUALITY.items()}, 0.5: None, 1.0: QUALITY}
    for share, numbers in quality.items():
        add_pool(results, share, grey(), quality=numbers)
    assert main(["fig17", "--results", str(results.close()), "-o", str(tmp_path / "f.csv")]) == 0
    with open(tmp_path / "f.csv", newline="") as file:
        table = {float(row["share"]): row for row in csv.DictReader(file)}
    for share, numbers in quality.items():
        assert table[share]["k"] == "4" and "pool" not in table[share]
        shown = {name: table[share][name] for name in QUALITY}
        if numbers is None:
            assert set(shown.values()) == {""}
        else:
            assert {name: float(text) for name, text in shown.items()} == numbers


def test_without_pictures_the_error_says_why(results, study, tmp_path):
    with pytest.raises(ResultsError, match="no pool of its diffusion models yet"):
        figures.load("fig17", study)
    (tmp_path / "trials.parquet").touch()
    with pytest.raises(ResultsError, match="contains no images"):
        figures.load("fig17", tmp_path / "trials.parquet")


def test_images_of_two_channels_are_refused(results):
    add_pool(results, 1.0, grey(channels=2))
    with pytest.raises(ResultsError, match="neither grey nor RGB"):
        figures.draw("fig17", fig17.load(results.close()))


def test_the_report_has_a_line_per_diffusion_model(results, capsys):
    add_pool(results, 0.1, grey(), quality=QUALITY | {"near_copies_samples": 0.25})
    add_pool(results, 1.0, grey())
    assert main(["report", "--results", str(results.close())]) == 0
    output = capsys.readouterr().out
    written = {path.name for path in (results.study / "figures").iterdir()}
    assert written == {"fig17.png", "fig17.pdf", "fig17.csv"}
    assert (results.study / "trials.parquet").is_file()
    assert "2 of 2 trials done" in output and "0.3 (0.25)" in output and "25.0% (0.1%)" in output
    assert "digits 10 %, 120 epochs: repeats training images: 25.0%" in output
    assert "digits 100 %, 120 epochs: as near to D_train" in output


def test_the_report_names_damaged_and_missing_files(results, monkeypatch):
    monkeypatch.setattr(figures, "FORMATS", ("png",))
    folder = add_pool(results, 1.0, grey(), quality=None)
    (folder / "chunk-00000.npy").unlink()
    output = report.diffusion_report(results.close())
    assert "fig17 is not drawn" in output[1] and "chunk-00000.npy" in output[1]
    assert output[-1].endswith("its quality is not measured yet.")
    (folder / "quality.json").write_text("{")
    assert "quality.json is damaged" in report.diffusion_report(results.study)[-1]


@pytest.mark.parametrize("count", [1, 5, 6, 12])
def test_the_table_has_at_most_twelve_lines(results, count):
    for share in range(1, count + 1):
        add_pool(results, share / 20, grey())
    lines = report.pool_lines(pools.pools(results.close()))
    assert len(lines) <= 12
    assert len([line for line in lines if "as near" in line]) == (count if count <= 5 else 4)
    assert ("more pools" in lines[-1]) == (count > 5)


def test_columns_of_diffusion_trials_are_documented():
    assert {field.name for field in fields(DiffusionTrial)} <= set(TRIAL_COLUMNS)
    assert {"loss", "train_loss", "test_loss"} <= set(ROW_COLUMNS)
