"""The images of a plan: all parts, each size once, and a warning where a part is too small."""

import numpy as np
import pytest

from scaling.data.datasets import load
from scaling.data.partition import divided
from scaling.planning.images import FEW, image_lines
from scaling.trial import VaeTrial, grid


def test_every_size_of_training_set_has_a_line():
    base = VaeTrial("digits", partition="disjoint")
    trials = grid(base, train_size=[300, 600], replicate=[0, 1], m_z=[1, 2])
    assert image_lines(trials) == [
        "images of digits: 300 for training, 300 for validation, 1,000 for testing",
        "images of digits: 600 for training, 250 for validation, 750 for testing",
    ]
    again = grid(base, train_size=[300], replicate=range(20), lr=[0.1, 0.2])
    assert image_lines(again) == image_lines(trials)[:1]
    assert image_lines([VaeTrial("mnist")]) == [
        "images of mnist: 60,000 for training, 10,000 for testing"
    ]


@pytest.mark.parametrize(("train_size", "few"), [(100, ""), (250, "validation"), (300, "both")])
def test_a_part_that_decides_nothing_is_named(tmp_path, train_size, few):
    """The numbers are those with which the file is divided when a trial reads it."""
    file = tmp_path / "own.npz"
    np.savez(file, images=np.random.default_rng(0).integers(0, 256, (400, 8, 8), np.uint8))
    trial = VaeTrial(str(file), partition="disjoint", train_size=train_size)
    (line,) = image_lines([trial])
    part = divided(load(str(file)), trial.part)
    assert part.validation is not None
    counts = len(part.train), len(part.validation), len(part.test)
    assert "{} for training, {} for validation, {} for testing".format(*counts) in line
    warned = {"": "", "validation": "validation", "both": "validation and testing"}[few]
    assert line.endswith(f"; too few for {warned}, give a smaller --train-size") == bool(few)
    assert (counts[1] < FEW, counts[2] < FEW) == ("validation" in warned, "testing" in warned)


def test_a_small_test_set_of_its_own_is_not_blamed_on_the_training_set(tmp_path):
    file, rng = tmp_path / "own.npz", np.random.default_rng(0)
    np.savez(file, train_images=rng.integers(0, 256, (400, 8, 8), np.uint8),
             test_images=rng.integers(0, 256, (20, 8, 8), np.uint8))  # fmt: skip
    (line,) = image_lines([VaeTrial(str(file), train_size=100)])
    assert line.endswith("100 for training, 20 for testing; too few for testing")
