"""The axes of a study on another data set: what it compares stays, as far as the images suffice."""

import numpy as np
import pytest

from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.errors import UsageError
from studies import data_scaling, learning_rate


def asked(module, *words):
    options = parser("", module.PRESETS).parse_args(list(words))
    return override(module.trials(module.PRESETS["digits"]), options)


@pytest.fixture
def file(tmp_path):
    images = np.zeros((400, 8, 8), np.uint8)
    np.savez(tmp_path / "own.npz", train_images=images[:300], test_images=images[300:])
    return str(tmp_path / "own.npz")


def test_the_rates_of_a_study_of_rates_are_kept(file):
    assert len({trial.lr for trial in asked(learning_rate, "--dataset", file)}) == 6


def test_sizes_that_a_data_set_lacks_are_refused_with_others_that_work(file):
    with pytest.raises(UsageError, match="D_trains of 75, 150, 300, 600 images.*or fewer") as error:
        asked(data_scaling, "--dataset", file)
    advice = str(error.value).partition("--set train_size=")[2].partition(",")[0].split()
    assert advice == ["4", "9", "18", "37"]  # of 37 images there are five disjoint sets
    words = ("--set", f"train_size={advice[0]}", *advice[1:])
    made = asked(data_scaling, "--dataset", file, *words)
    assert {trial.train_size for trial in made} == {4, 9, 18, 37}
