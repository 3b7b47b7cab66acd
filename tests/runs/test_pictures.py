"""Lost pictures are made again from the model, bit for bit, or reported as lost."""

import numpy as np
import pytest

from scaling.runs.execute import Job, execute
from scaling.runs.pictures import are_lost, made_again
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import key


@pytest.fixture
def finished(trial, digits, tmp_path):
    folder = TrialFolder(tmp_path / key(trial))
    folder.create(trial)
    execute(folder, digits, Job(2, 1), lambda row: None)
    return folder


def test_pictures_made_again_are_the_same_and_no_other_file_changes(finished, digits):
    file = finished.path / "arrays.npz"
    with np.load(file) as arrays:
        before = {name: arrays[name] for name in arrays.files}
    assert before and not are_lost(finished)
    others = {p: p.read_bytes() for p in finished.path.iterdir() if p != file}
    file.unlink()
    assert are_lost(finished)
    assert made_again(finished, digits)
    with np.load(file) as arrays:
        assert set(arrays.files) == set(before)
        for name, value in before.items():
            np.testing.assert_array_equal(arrays[name], value)
    assert {p: p.read_bytes() for p in others} == others


def test_without_the_model_pictures_stay_lost(finished, digits):
    for file in [finished.path / "arrays.npz", *finished.path.glob("*.pt")]:
        file.unlink()
    assert not made_again(finished, digits)
    assert are_lost(finished)


def test_an_unfinished_trial_has_no_lost_pictures(finished):
    (finished.path / "done.json").unlink()
    (finished.path / "arrays.npz").unlink()
    assert not are_lost(finished)
