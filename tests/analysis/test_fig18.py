"""Figure 18: accuracies against D_train and against test images, seeds and replicates."""

import numpy as np
import pytest

from analysis import figures


def test_comparisons_with_test_and_training_images_are_shown(studies):
    studies.two_sample(lambda share: 0.3)
    studies.two_sample(lambda share: 0.9 - 0.2 * share, real="test", images=300)
    table = figures.numbers("fig18", studies.frame())
    assert table["real"].tolist() == ["train"] * 5 + ["test"] * 5
    assert table["mean"].tolist() == pytest.approx([0.3] * 5 + [0.84, 0.8, 0.76, 0.72, 0.7])
    figure = figures.draw("fig18", studies.frame())
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["against the model's training images", "against test images", "chance"]
    heights = [
        np.round(np.asarray(line.get_ydata(), float), 6).tolist() for line in figure.axes[0].lines
    ]
    assert [0.84, 0.8, 0.76, 0.72, 0.7] in heights and [0.3] * 5 in heights


def test_rows_without_the_field_are_comparisons_with_training_images(studies):
    studies.two_sample()
    assert set(figures.numbers("fig18", studies.frame())["real"]) == {"train"}


def test_seeds_are_averaged_within_replicates(studies):
    for draw, offset in enumerate((0.0, 0.1, 0.2)):
        studies.two_sample(lambda share, offset=offset: 0.5 + offset, replicate=draw)
    table = figures.numbers("fig18", studies.frame())
    assert table["n"].tolist() == [3] * 5
    assert table["mean"].tolist() == pytest.approx([0.6] * 5)
    assert table["std"].tolist() == pytest.approx([0.1] * 5)
