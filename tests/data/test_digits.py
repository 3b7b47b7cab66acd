"""The handwritten digits, read without importing scikit-learn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from scaling.data import digits


@pytest.mark.parametrize("place", [digits.FILE, Path("moved", "digits.csv.gz")])
def test_images_and_labels_are_those_of_scikit_learn(monkeypatch, place):
    """If scikit-learn has moved its file, it reads the digits itself."""
    monkeypatch.setattr(digits, "FILE", place)
    images, labels = digits.read()
    original = load_digits()
    assert images.dtype == labels.dtype == np.uint8
    np.testing.assert_array_equal(images, original.images)
    np.testing.assert_array_equal(labels, original.target)


def test_the_file_is_found_without_scikit_learn():
    code = (
        "import sys; from scaling.data.datasets import load; load('digits');"
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
