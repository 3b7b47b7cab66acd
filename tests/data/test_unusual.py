"""Warnings of images that give misleading results."""

import numpy as np
import pytest

from scaling.data import unusual
from scaling.data.datasets import load
from scaling.data.unusual import warn_of_copies, warn_of_dark_images


@pytest.fixture(autouse=True)
def _nothing_printed_yet():
    unusual._warn.cache_clear()


def saved(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def images(count, highest=255, seed=0):
    made = np.random.default_rng(seed).integers(0, highest + 1, (count, 8, 8), dtype=np.uint8)
    made[0, 0, 0] = highest
    return made


@pytest.mark.parametrize("highest", [15, 16, 127])
def test_images_that_are_not_scaled_to_255_are_named(highest, tmp_path, capsys):
    name = saved(tmp_path / "dark.npz", images=images(60, highest))
    assert load(name).levels == 256
    said = capsys.readouterr().err
    assert f"no pixel of {name} is above {highest}" in said
    scaled = saved(tmp_path / "scaled.npz", images=images(60, highest) * (255 // highest))
    load(scaled)
    assert capsys.readouterr().err == ""  # the advice works


@pytest.mark.parametrize("highest", [0, 1, 128, 255])
def test_binary_and_bright_images_are_not_named(highest, tmp_path, capsys):
    load(saved(tmp_path / "a.npz", images=images(60, highest)))
    assert "no pixel" not in capsys.readouterr().err


def test_a_warning_is_printed_once_for_each_data_set(capsys):
    for name in ("a.npz", "a.npz", "b.npz"):
        warn_of_dark_images(name, 16)
    assert capsys.readouterr().err.count("Warning") == 2


def test_copies_are_counted_as_a_search_of_all_pairs_does(capsys):
    train = images(40, highest=3, seed=1)[:, :1, :2]
    test = images(20, highest=3, seed=2)[:, :1, :2]
    shared = sum(any((one == other).all() for other in train) for one in test)
    warn_of_copies("x.npz", train, test)
    assert f"{shared} of the 20 test images of x.npz are also training" in capsys.readouterr().err
    again = sum(any((train[i] == other).all() for other in train[:i]) for i in range(len(train)))
    warn_of_copies("x.npz", train, None)
    assert f"{again} of the 40 images of x.npz are copies" in capsys.readouterr().err
    warn_of_copies("x.npz", images(5), images(5, seed=3))
    assert capsys.readouterr().err == ""
