"""The published images, if $SCALING_DATA names a folder that contains them."""

import gzip
import os
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from scaling.data.datasets import load

ROOT = Path(os.environ.get("SCALING_DATA") or "none")
pytestmark = pytest.mark.skipif(
    "SCALING_DATA" not in os.environ, reason="$SCALING_DATA names no folder of real images"
)


@pytest.fixture(scope="module")
def cifar10():
    return load("cifar10", ROOT, offline=True)


def moments(images):
    """Returns mean and standard deviation of levels, on [0, 1]."""
    return [images.mean() / 255, images.std() / 255]


def raw(name, part):
    path = ROOT / f"{name}_{part}.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with np.load(path) as arrays:
        return arrays["images"], arrays["labels"]


def test_mnist_is_the_published_one():
    dataset = load("mnist", ROOT, offline=True)
    assert (dataset.data, dataset.levels) == ("official", 2)
    assert dataset.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.train_labels).tolist() == counts
    images, _ = raw("mnist", "train")
    np.testing.assert_allclose(moments(images), [0.1307, 0.3081], atol=5e-5)
    assert (dataset.train[:, 0, 2:-2, 2:-2] == (images > 127)).all()
    assert int(dataset.train.sum()) == int((images > 127).sum())


def test_fashion_mnist_is_the_published_one():
    dataset = load("fashion_mnist", ROOT, offline=True)
    assert (dataset.data, dataset.levels) == ("official", 256)
    inner = dataset.train[:, :, 2:-2, 2:-2]
    np.testing.assert_allclose(moments(inner), [0.2860, 0.3530], atol=5e-5)
    assert int(dataset.train.sum(dtype=int)) == int(inner.sum(dtype=int))
    assert np.bincount(dataset.train_labels).tolist() == [6000] * 10
    assert np.bincount(dataset.test_labels).tolist() == [1000] * 10
    assert dataset.train_labels[:5].tolist() == [9, 0, 0, 3, 0]


def test_cifar10_has_the_published_moments(cifar10):
    """The tolerance is a tenth of a level, because JPEG libraries differ slightly."""
    expected = {
        "train": ([0.4913, 0.4821, 0.4465], [0.2452, 0.2428, 0.2606]),
        "test": ([0.4941, 0.4851, 0.4504], [0.2448, 0.2422, 0.2606]),
    }
    for part, (means, deviations) in expected.items():
        images = getattr(cifar10, part)
        for channel in range(3):
            mean, deviation = moments(images[:, channel])
            assert abs(mean - means[channel]) * 255 < 0.1
            assert abs(deviation - deviations[channel]) * 255 < 0.1
    assert np.bincount(cifar10.train_labels).tolist() == [5000] * 10
    assert np.bincount(cifar10.test_labels).tolist() == [1000] * 10
    assert cifar10.train_labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert cifar10.test_labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]


def test_jpeg_copies_are_near_the_lossless_images_and_called_copies(cifar10):
    images, labels = raw("cifar10", "lossless_part")
    difference = cifar10.train[:3000] - np.moveaxis(images, 3, 1).astype(float)
    if cifar10.data == "official":
        assert not difference.any()
        return
    assert cifar10.data == "jpeg"
    assert 7.5 < np.sqrt(np.square(difference).mean()) < 8.5 and abs(difference.mean()) < 0.1
    assert (cifar10.train_labels[:3000] == labels).all()


@pytest.mark.parametrize(
    "pack", [bytes, partial(gzip.compress, compresslevel=1)], ids=["plain", "gz"]
)
def test_the_published_images_are_recognized_in_either_layout(tmp_path, pack):
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = raw("mnist", part)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            path = tmp_path / f"MNIST/raw/{name}-{kind}-ubyte{'.gz' * (pack is not bytes)}"
            path.write_bytes(pack(sizes + array.tobytes()))
    dataset, pair = load("mnist", tmp_path, offline=True), load("mnist", ROOT)
    assert (dataset.data, dataset.fingerprint) == ("official", pair.fingerprint)
    assert (dataset.test_labels == pair.test_labels).all()
