"""The data sets as levels, and how D_train is drawn from them."""

import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scaling.data.datasets import Dataset, binarised, load, split
from scaling.errors import UsageError
from tests.narrow import not_none
from tests.small_npz import COLOUR, GREY, LABELS, save


def as_set(images):
    return {image.tobytes() for image in images}


def test_digits_are_those_of_scikit_learn(digits):
    from sklearn.datasets import load_digits

    assert digits.train.dtype == np.uint8
    assert digits.train.shape == (1297, 1, 8, 8)
    assert digits.test.shape == (500, 1, 8, 8)
    assert digits.levels == 17
    whole = np.concatenate([digits.train, digits.test]).reshape(1797, 64)
    original = load_digits()
    assert sorted(map(tuple, whole)) == sorted(map(tuple, original.data.astype(int)))
    assert np.bincount(np.concatenate([digits.train_labels, digits.test_labels])).tolist() == (
        np.bincount(original.target).tolist()
    )


def test_the_split_is_a_partition_and_nested(digits):
    small, large = split(digits, 200, 3), split(digits, 300, 3)
    assert (small.train == large.train[:200]).all()
    assert len(small.train) + len(small.test) == 1797
    assert as_set(small.train) | as_set(small.test) == as_set(digits.train) | as_set(digits.test)
    other = split(digits, 200, 4)
    assert len(as_set(other.train) & as_set(small.train)) < 100


def test_labels_stay_with_their_images(digits):
    by_image = dict(zip(map(bytes, digits.train), digits.train_labels, strict=True))
    part = split(digits, 300, 1)
    for image, label in zip(part.train, part.train_labels, strict=True):
        assert by_image.get(image.tobytes(), label) == label


def test_by_default_all_images_are_used(digits):
    part = split(digits, None, 0)
    assert (len(part.train), len(part.test)) == (1297, 500)


def test_an_official_test_set_stays(tiny):
    part = split(tiny, 20, 7)
    assert len(part.train) == 20
    assert (part.test == tiny.test).all()


def test_too_many_images_are_refused(digits, tiny):
    with pytest.raises(UsageError, match="--train-size 1796"):
        split(digits, 1797, 0)
    with pytest.raises(UsageError, match="--train-size 45"):
        split(tiny, 46, 0)


def test_unknown_names_list_the_known():
    with pytest.raises(UsageError, match="cifar10, digits, fashion_mnist, mnist, or a path"):
        load("celeba")


def small(images, **more):
    """Makes a data set of grey images (N, 1, H, W), three of them for testing."""
    labels = np.zeros(len(images), np.uint8)
    return Dataset("small", images[:-3], images[-3:], labels[:-3], labels[-3:], 256, **more)


def test_a_fingerprint_depends_on_shapes_and_bytes():
    dataset = small(GREY[:, None])
    content = b"(9, 1, 6, 6)" + GREY[:9].tobytes() + b"(3, 1, 6, 6)" + GREY[9:].tobytes()
    assert dataset.fingerprint == hashlib.sha256(content).hexdigest()[:12]
    changed = GREY.copy()
    changed[11, 5, 5] ^= 1
    others = [small(changed[:, None]), small(GREY.reshape(12, 1, 4, 9)), split(dataset, 5, 0)]
    assert len({dataset.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert replace(dataset, name="other").fingerprint == dataset.fingerprint


def test_a_threshold_is_between_127_and_128():
    levels = np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8)
    binary = binarised(small(levels), "threshold")
    both = np.concatenate([binary.train, binary.test])
    assert both.ravel().tolist() == [0] * 128 + [1] * 128
    assert (binary.levels, both.dtype) == (2, np.dtype(np.uint8))


def test_bernoulli_pixels_are_white_as_often_as_they_are_bright():
    levels = np.repeat(np.arange(256, dtype=np.uint8), 4000).reshape(-1, 1, 32, 125)
    binary = binarised(small(levels), "static_bernoulli")
    both = np.concatenate([binary.train, binary.test]).reshape(256, 4000)
    p = np.arange(256) / 255
    assert (np.abs(both.mean(1) - p) <= 5 * np.sqrt(p * (1 - p) / 4000)).all()
    assert set(np.unique(both)) == {0, 1} and binary.levels == 2


def test_bernoulli_pixels_are_drawn_once():
    first, again = (binarised(small(GREY[:, None]), "static_bernoulli") for _ in range(2))
    assert (first.train == again.train).all() and (first.test == again.test).all()


@pytest.fixture(scope="module")
def made_mnist(tmp_path_factory):
    """Writes as many images as MNIST has; all are black but the first, with every grey value."""
    root = tmp_path_factory.mktemp("made")
    for part, count in (("train", 60_000), ("test", 10_000)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[0] = np.arange(784).reshape(28, 28) % 256
        labels = (np.arange(count) % 10).astype(np.uint8)
        np.savez_compressed(root / f"mnist_{part}.npz", images=images, labels=labels)
    return root


def test_mnist_is_padded_on_all_sides_and_binary(made_mnist):
    dataset = load("mnist", made_mnist)
    assert dataset.train.shape == (60_000, 1, 32, 32) and dataset.test.shape == (10_000, 1, 32, 32)
    assert (dataset.levels, dataset.official_test) == (2, True)
    expected = np.zeros((32, 32), int)
    for row in range(28):
        for column in range(28):
            expected[row + 2, column + 2] = (28 * row + column) % 256 >= 128
    assert (dataset.train[0, 0] == expected).all() and not dataset.train[1:].any()
    assert (dataset.test_labels == np.arange(10_000) % 10).all()


def test_other_images_under_the_name_are_not_called_official(made_mnist):
    assert load("mnist", made_mnist).data == "own file"


def test_a_data_set_knows_where_it_was_found(made_mnist, monkeypatch):
    """The path is absolute, so other working directories can use it, also after the split."""
    monkeypatch.chdir(made_mnist.parent)
    dataset = split(load("mnist", Path(made_mnist.name)), 100, 0)
    assert not_none(dataset.root) == made_mnist and not_none(dataset.root).is_absolute()
    assert load("digits", made_mnist).root is None


def test_the_chosen_binarisation_is_used(made_mnist):
    drawn = load("mnist", made_mnist, binarise="static_bernoulli")
    grey = np.pad(np.arange(784).reshape(28, 28) % 256, 2)
    assert (drawn.train[0, 0][grey == 0] == 0).all() and (drawn.train[0, 0][grey == 255] == 1).all()
    assert (drawn.train[0, 0] != (grey >= 128)).any()


def test_a_part_of_the_original_is_refused(tmp_path):
    for part in ("train", "test"):
        images = np.zeros((12, 28, 28), np.uint8)
        save(tmp_path, name=f"fashion_mnist_{part}.npz", images=images, labels=LABELS)
    with pytest.raises(UsageError, match=r"\(12, 28, 28\).*\(60000, 28, 28\).*--dataset path/to"):
        load("fashion_mnist", tmp_path)


@pytest.fixture
def no_sockets(monkeypatch):
    def opened(*args, **more):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, opened)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnist", "images-idx3.* into .*MNIST/raw, or mnist_train.npz and mnist_test.npz"),
        ("fashion_mnist", "into .*FashionMNIST/raw, or fashion_mnist_train.npz"),
        ("cifar10", "data_batch_1 to data_batch_5 and test_batch into .*cifar-10-batches-py"),
    ],
)
def test_offline_says_which_files_to_put_where(tmp_path, no_sockets, name, files):
    with pytest.raises(UsageError, match=f"{name} is not under .*--offline.*{files}"):
        load(name, tmp_path, offline=True)
    assert not list(tmp_path.iterdir())


def test_data_on_disk_open_no_socket(no_sockets, made_mnist, tmp_path):
    assert load("digits", tmp_path).data == "scikit-learn"
    assert len(load("mnist", made_mnist).train) == 60_000
    assert len(load(str(save(tmp_path, images=GREY))).train) == 10


def test_a_users_images_are_padded_evenly(tmp_path):
    path = save(tmp_path, train_images=COLOUR[:8, :5, :5], test_images=COLOUR[8:, :5, :5])
    dataset = load(str(path))
    assert dataset.train.shape == (8, 3, 8, 8) and dataset.test.shape == (4, 3, 8, 8)
    for image, original in zip(dataset.train, COLOUR, strict=False):
        for channel in range(3):
            assert (image[channel, 1:6, 1:6] == original[:5, :5, channel]).all()
    assert int(dataset.train.sum()) == int(COLOUR[:8, :5, :5].sum())
    assert (dataset.levels, dataset.data, dataset.official_test) == (256, "own file", True)


def test_a_users_images_of_zeros_and_ones_have_two_levels(tmp_path):
    ones = (GREY > 99).astype(np.uint8)
    assert load(str(save(tmp_path, images=ones))).levels == 2
    assert load(str(save(tmp_path, train_images=ones, test_images=2 * ones))).levels == 256


def test_one_set_of_images_is_divided_by_the_seed(tmp_path):
    dataset = load(str(save(tmp_path, images=GREY, labels=LABELS)))
    assert (len(dataset.train), len(dataset.test), dataset.official_test) == (10, 2, False)
    padded = np.pad(GREY, [(0, 0), (1, 1), (1, 1)])[:, None]
    label_of = dict(zip(map(bytes, padded), LABELS, strict=True))
    parts = [split(dataset, 7, seed) for seed in (0, 1)]
    for part in parts:
        assert (len(part.train), len(part.test)) == (7, 5)
        assert as_set(part.train) | as_set(part.test) == as_set(padded)
        for images, labels in ((part.train, part.train_labels), (part.test, part.test_labels)):
            assert [label_of[bytes(image)] for image in images] == labels.tolist()
    assert as_set(parts[0].train) != as_set(parts[1].train)


def test_images_without_labels_can_be_split(tmp_path):
    whole = load(str(save(tmp_path, images=GREY)))
    pair = load(str(save(tmp_path, train_images=GREY[:8], test_images=GREY[8:])))
    for dataset, size in ((whole, 10), (pair, 8)):
        for part in (dataset, split(dataset, 5, 0), split(dataset, size, 0)):
            assert part.train_labels.shape == part.test_labels.shape == (0,)


def test_test_images_in_the_training_set_are_counted(tmp_path, capsys):
    load(str(save(tmp_path, train_images=GREY[:8], test_images=GREY[6:])))
    assert "2 of the 6 test images of" in capsys.readouterr().err
    load(str(save(tmp_path, train_images=GREY[:8], test_images=GREY[8:])))
    assert capsys.readouterr().err == ""


def test_copies_in_a_set_that_is_split_at_random_are_counted(tmp_path, capsys):
    load(str(save(tmp_path, images=GREY[[*range(9), 0, 0, 1]])))
    assert "3 of the 12 images of" in capsys.readouterr().err
    load(str(save(tmp_path, images=GREY)))
    assert capsys.readouterr().err == ""
