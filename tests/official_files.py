"""Makes small files in the formats of the published data sets."""

import gzip
import hashlib
import pickle
import struct

import numpy as np
from torchvision.datasets import CIFAR10

PARTS = (("train", 7), ("t10k", 3))


def md5(data):
    return hashlib.md5(data).hexdigest()


def idx(array):
    """Encodes an array as the IDX format describes: magic number, sizes, values."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def mnist_files(seed=0):
    rng = np.random.default_rng(seed)
    files = {}
    for part, count in PARTS:
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        files[f"{part}-images-idx3-ubyte"] = idx(images)
        files[f"{part}-labels-idx1-ubyte"] = idx(rng.integers(0, 10, count, np.uint8))
    return files


def write(folder, files, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)


def python2_batch(pixels, labels):
    """Pickles a batch, opcode for opcode, as Python 2 and its NumPy pickled the original files."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        b"(K\x01M" + struct.pack("<H", len(labels)) + b"M\x00\x0c\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + struct.pack("<i", pixels.size) + pixels.tobytes() + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    names = b"](" + b"".join(text(b"frog_s_%06d.png" % i) for i in range(len(labels))) + b"e"
    items = [
        text(b"batch_label") + text(b"training batch 1 of 5"),
        text(b"labels") + b"q\x04" + numbers,
        text(b"data") + b"q\x05" + array,
        text(b"filenames") + b"q\x06" + names,
    ]
    return b"\x80\x02}q\x01(" + b"".join(items) + b"u."


def cifar_files(make=python2_batch):
    rng = np.random.default_rng(1)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    files = {
        name: make(
            rng.integers(0, 256, (4, 3072), np.uint8), [int(i) for i in rng.integers(10, size=4)]
        )
        for name in names
    }
    return files | {"batches.meta": pickle.dumps({"label_names": list("abcdefghij")}, 2)}


def assert_same(halves, references):
    """Asserts that the (images, labels) equal those of the torchvision data sets."""
    for (images, labels), reference in zip(halves, references, strict=True):
        np.testing.assert_array_equal(images, np.asarray(reference.data))
        np.testing.assert_array_equal(labels, np.asarray(reference.targets))
        assert images.dtype == labels.dtype == np.uint8


def expect(monkeypatch, files):
    """Makes torchvision take the batches for the originals."""
    batches = [[name, md5(data)] for name, data in files.items() if "data_batch" in name]
    monkeypatch.setattr(CIFAR10, "train_list", batches)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5(files["test_batch"])]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5(files["batches.meta"])})
