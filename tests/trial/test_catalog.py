"""The catalog's entry of a user's file, read from its headers, and the loaded images."""

import pytest

from scaling.data.datasets import load
from scaling.errors import UsageError
from scaling.models.layers import images_of_trial
from scaling.trial import VaeTrial
from scaling.trial import catalog as shapes
from tests.small_npz import COLOUR, GREY, jpeg, jpegs, save


@pytest.mark.parametrize(
    "arrays",
    [
        {"train_images": COLOUR[:8], "test_images": COLOUR[8:]},
        {"train_images": GREY[:, :5, :5], "test_images": GREY[:1, :5, :5]},
        {"images": GREY},
        {"images": GREY[:2, :4, :4, None]},
        {"images": COLOUR},
        jpegs([jpeg(image) for image in COLOUR]),
    ],
)
def test_an_entry_agrees_with_the_loaded_images(tmp_path, arrays):
    path = str(save(tmp_path, **arrays))
    row, dataset = images_of_trial(VaeTrial(path)), load(path)
    assert dataset.train.shape == (row.train_images, row.channels, row.side, row.side)
    assert row.levels == dataset.levels
    assert row.settings == shapes.RESIDUAL


def test_sides_are_padded_to_the_next_multiple_of_four():
    for side in range(1, 40):
        assert shapes.padded(side) == next(n for n in range(side, side + 4) if n % 4 == 0)


def test_a_file_that_cannot_be_read_is_planned_as_cifar10(tmp_path):
    for name, content in (("text.npz", b"images"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
    paths = [save(tmp_path, name="flat.npz", images=GREY[0, 0]), save(tmp_path, x=GREY)]
    paths += [tmp_path / "none.npz", tmp_path / "text.npz", tmp_path / "empty.npz"]
    for path in map(str, paths):
        assert shapes.images_of(path) == shapes.DATASETS["cifar10"]
        with pytest.raises(UsageError):
            load(path)


def test_named_data_sets_have_their_entries():
    for name, row in shapes.DATASETS.items():
        assert shapes.images_of(name) is row
