"""Trials keyed by a path are reused if they were trained on the images now at that path."""

from dataclasses import replace

import pytest

from scaling.storage.earlier import Earlier
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key
from scaling.trial.own_files import identified


@pytest.fixture
def old(tmp_path):
    """Makes a results folder with a trial of an earlier version and a row of the images `aaa`."""
    file = tmp_path / "images.npz"
    file.write_bytes(b"any")
    trial = VaeTrial(str(file), m_z=2)
    store = Store(tmp_path / "results")
    folder = store.folder(key(trial))
    folder.create(trial)
    folder.append_row({"epoch": 1, "fingerprint": "aaa"})
    return store, trial


def test_an_old_trial_is_reused_if_the_fingerprint_agrees(old, capsys):
    store, trial = old
    assert Earlier(store, lambda trial: "aaa")(trial) == trial
    assert store.folder(key(trial)).trial() == trial
    assert not capsys.readouterr().err


def test_after_the_file_was_overwritten_the_trial_is_new_and_one_line_says_so(old, capsys):
    store, trial = old
    earlier = Earlier(store, lambda trial: "bbb")
    assert earlier(trial) == earlier(replace(trial)) == identified(trial) != trial
    assert capsys.readouterr().err.count("has been overwritten") == 1
    assert store.folder(key(trial)).rows()


def test_other_trials_and_known_data_sets_are_not_reused(old):
    store, trial = old
    earlier = Earlier(store, lambda trial: "aaa")
    for other in (replace(trial, m_z=3), replace(trial, seed=1)):
        assert earlier(other) == identified(other)
    assert earlier(VaeTrial("digits")) == VaeTrial("digits")


def test_a_trial_keyed_by_content_precedes_the_old_one(old):
    store, trial = old
    store.folder(key(identified(trial))).create(identified(trial))
    assert Earlier(store, lambda trial: "aaa")(trial) == identified(trial)


def test_a_file_that_has_moved_keeps_its_folder(old, tmp_path):
    store, trial = old
    first = identified(trial)
    folder = store.folder(key(first))
    folder.create(first)
    moved = tmp_path / "moved.npz"
    (tmp_path / "images.npz").rename(moved)
    second = identified(replace(trial, dataset=str(moved)))
    assert store.folder(key(second)).path == folder.path
    folder.create(second)
    assert folder.trial().dataset == str(moved)
