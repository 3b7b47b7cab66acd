"""Files in torchvision's layout are read as torchvision reads them."""

import pickle

import pytest
from torchvision.datasets import CIFAR10, MNIST

from scaling.data import official
from scaling.errors import UsageError
from tests.narrow import not_none
from tests.official_files import assert_same, cifar_files, expect, mnist_files, python2_batch, write


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_as_torchvision_reads_them(tmp_path, packed):
    write(tmp_path / "MNIST/raw", mnist_files(), packed)
    halves = official.read(tmp_path, "mnist")
    write(tmp_path / "MNIST/raw", mnist_files())
    assert_same(halves, [MNIST(tmp_path, train=True), MNIST(tmp_path, train=False)])


def test_a_missing_file_is_no_data_set(tmp_path):
    assert official.read(tmp_path, "mnist") is None
    assert official.read(tmp_path, "cifar10") is None
    write(tmp_path / "MNIST/raw", mnist_files())
    (tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    assert official.read(tmp_path, "mnist") is None
    assert official.read(tmp_path, "fashion_mnist") is None


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda data: data[:-1], "it has 5487 bytes instead of 5488"),
        (lambda data: b"\x89PNG" + data[4:], "does not begin as an IDX file"),
        (lambda data: data[:9], "does not begin as an IDX file"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path, damage, match):
    files = mnist_files()
    name = "train-images-idx3-ubyte"
    write(tmp_path / "MNIST/raw", files | {name: damage(files[name])})
    with pytest.raises(UsageError, match=f"{name} is damaged.*{match}"):
        official.read(tmp_path, "mnist")


@pytest.mark.parametrize("cut", [5, 100, -4])
def test_cut_archives_are_named(tmp_path, cut):
    write(tmp_path / "MNIST/raw", mnist_files(), packed=True)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UsageError, match=r"ubyte.gz is damaged .*Remove it"):
        official.read(tmp_path, "mnist")


def pickled(protocol, keys=lambda text: text):
    return lambda pixels, labels: pickle.dumps(
        {keys("labels"): labels, keys("data"): pixels, keys("filenames"): ["a.png"]}, protocol
    )


@pytest.mark.filterwarnings("ignore:.*numpy.core")
@pytest.mark.parametrize("make", [python2_batch, pickled(2), pickled(4)], ids=["python2", "2", "4"])
def test_cifar_batches_are_read_as_torchvision_reads_them(tmp_path, monkeypatch, make):
    files = cifar_files(make)
    expect(monkeypatch, files)
    write(tmp_path / "cifar-10-batches-py", files)
    halves = official.read(tmp_path, "cifar10")
    assert_same(halves, [CIFAR10(tmp_path, train=True), CIFAR10(tmp_path, train=False)])


def test_pickled_code_is_not_run(tmp_path, monkeypatch):
    def run(*args, **kwargs):
        raise AssertionError("a pickle was loaded")

    for name in ("load", "loads", "Unpickler", "_Unpickler"):
        monkeypatch.setattr(pickle, name, run)
    files = cifar_files()
    expect(monkeypatch, files)
    write(tmp_path / "cifar-10-batches-py", files)
    assert not_none(official.read(tmp_path, "cifar10"))[0][0].shape == (20, 32, 32, 3)


def test_a_batch_with_another_checksum_is_refused(tmp_path):
    write(tmp_path / "cifar-10-batches-py", cifar_files())
    with pytest.raises(UsageError, match="data_batch_1 is damaged .its MD5 is not c99cafc1522"):
        official.read(tmp_path, "cifar10")
