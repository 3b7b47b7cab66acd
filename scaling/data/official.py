"""Reads and downloads the standard data sets, in torchvision's layout under the data root.

CIFAR-10's batches are pickles, but no pickle is ever loaded: `pickletools` lists the content of
one without executing it, and only if the file has the MD5 that torchvision expects. (CIFAR-10's
binary version has no pickles, but torchvision downloads this one.)
"""

import gzip
import hashlib
import os
import pickletools
import socket
import sys
import threading
import time
import zlib
from http.client import HTTPException
from pathlib import Path
from tarfile import TarError
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np

from scaling.data.npz import ImageSet, TrainAndTest
from scaling.errors import UsageError

TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}
FOLDERS = {
    "mnist": "MNIST/raw",
    "fashion_mnist": "FashionMNIST/raw",
    "cifar10": "cifar-10-batches-py",
}
FILES = {
    "mnist": "{train,t10k}-{images-idx3,labels-idx1}-ubyte (or .gz)",
    "fashion_mnist": "{train,t10k}-{images-idx3,labels-idx1}-ubyte (or .gz)",
    "cifar10": "data_batch_1 to data_batch_5 and test_batch",
}
WHOLE_NUMBERS = ("BININT1", "BININT2", "BININT", "LONG1")  # opcodes of a pickle
IDX_PARTS = ("train", "t10k")
# SHA-256 of the first TELLING training images, which identifies a copy in another format
TELLING = 3000
SHA256 = {
    "mnist": "91c2bc2aae0716a3449df39638a595cafa60789f13a087cf9446ed8935f28dc1",
    "fashion_mnist": "3bbcd710c35b580a44d480a6769c75a674d77ed30db75c69438666facc24f185",
    "cifar10": "08299526b3de957c7e10345538f08d2e8bf4f99da4e14febe480cd074d82e160",
}
MIRROR = "SCALING_MIRROR"
AGENT = {"User-Agent": "pytorch/vision"}  # the same as torchvision sends
PATIENCE = 6.0  # seconds in which a host must answer, including the look-up of its name
STALLED = 20.0  # seconds without data after which a download is aborted
FAILURES = (OSError, RuntimeError, EOFError, ValueError, HTTPException, TarError, zlib.error)


def is_official(name: str, images: np.ndarray) -> bool:
    """Returns True if training images (N, H, W[, C]) are the published ones in their order."""
    telling = np.ascontiguousarray(images[:TELLING])
    return hashlib.sha256(telling.tobytes()).hexdigest() == SHA256[name]


def read(root: Path, name: str) -> TrainAndTest | None:
    """Returns the images and labels in torchvision's layout, or None if a file is missing.

    Raises UsageError for a damaged file.
    """
    folder = root / FOLDERS[name]
    return _cifar(folder) if name == "cifar10" else _mnist(folder)


def _mnist(folder: Path) -> TrainAndTest | None:
    files = [
        (_there(folder / f"{part}-images-idx3-ubyte"), _there(folder / f"{part}-labels-idx1-ubyte"))
        for part in IDX_PARTS
    ]
    halves = [(_idx(i, 3), _idx(labels, 1)) for i, labels in files if i and labels]
    return (halves[0], halves[1]) if len(halves) == 2 else None


def _there(path: Path) -> Path | None:
    packed = path.with_name(path.name + ".gz")
    return next((file for file in (path, packed) if file.is_file()), None)


def _idx(path: Path, dimensions: int) -> np.ndarray:
    """Reads an IDX file of bytes: 0, 0, 8, the number of dimensions, their sizes, the values."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from None
    start = 4 + 4 * dimensions
    if data[:4] != bytes((0, 0, 8, dimensions)) or len(data) < start:
        raise _damaged(path, "it does not begin as an IDX file of bytes")
    shape = np.frombuffer(data, ">u4", dimensions, 4).astype(int)
    if len(data) - start != shape.prod():
        raise _damaged(path, f"it has {len(data) - start} bytes instead of {shape.prod()}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _damaged(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is damaged ({why}). Remove it, or put the original there.")


def _cifar(folder: Path) -> TrainAndTest | None:
    if not folder.is_dir():
        return None
    from torchvision.datasets import CIFAR10

    batches = [(folder / name, md5) for name, md5 in CIFAR10.train_list + CIFAR10.test_list]
    if not all(path.is_file() for path, _ in batches):
        return None
    halves = [_batch(path, md5) for path, md5 in batches]
    images = np.concatenate([images for images, _ in halves[:-1]])
    return (images, np.concatenate([labels for _, labels in halves[:-1]])), halves[-1]


def _batch(path: Path, md5: str) -> ImageSet:
    """Reads images (N, 32, 32, 3) and labels of one batch from the opcodes of its pickle.

    The pixels are the only long string, one colour plane after the other; the labels are the small
    whole numbers after the string `labels`.
    """
    data = path.read_bytes()
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
        raise _damaged(path, f"its MD5 is not {md5}")
    labels: list[Any] = []
    pixels, key = b"", b""
    for opcode, value, _ in pickletools.genops(data):
        if isinstance(value, str | bytes):
            text = value.encode("latin-1") if isinstance(value, str) else value
            pixels, key = max(pixels, text, key=len), text[:10]
        elif opcode.name in WHOLE_NUMBERS and key == b"labels":
            labels.append(value)
    planes = np.frombuffer(pixels, np.uint8).reshape(len(labels), 3, 32, 32)
    return planes.transpose(0, 2, 3, 1), np.array(labels, np.uint8)


def data_root(folder: Path | None) -> Path:
    """Returns the folder of the data sets: the given one, else $SCALING_DATA, else data/."""
    return Path(folder or os.environ.get("SCALING_DATA") or "data")


def has_files(name: str, root: Path) -> bool:
    """Returns True if the root has a folder or npz files with the names of the data set."""
    return (root / FOLDERS[name]).is_dir() or any(root.glob(f"{name}_*.npz"))


def missing_offline(name: str, root: Path) -> UsageError:
    """Returns the error about a missing data set that --offline does not allow to download."""
    return UsageError(
        f"{name} is not under {root}, and --offline downloads nothing. {how_to_get(name, root)}."
    )


def how_to_get(name: str, root: Path) -> str:
    """Returns which files to put where, as the second sentence of an error without full stop."""
    return (
        f"Put {FILES[name]} into {root / FOLDERS[name]}, or {name}_train.npz and {name}_test.npz "
        "(images, labels) into the data root; --data-root DIR chooses another one"
    )


def download(name: str, root: Path) -> None:
    """Downloads the data set with torchvision, which verifies checksums, into its layout.

    The source is one of torchvision's hosts, or a data root that is served at $SCALING_MIRROR.
    Raises UsageError if no host answers, a download stalls, or its files are not the original.
    """
    from torchvision import datasets

    kind = getattr(datasets, TORCHVISION[name])
    file = kind.filename if name == "cifar10" else kind.resources[0][0]
    faults = _ask([base + file for base in _bases(name, kind)])
    bases = [url.removesuffix(file) for url, fault in faults.items() if not fault]
    if not bases:
        raise _not_downloaded(name, root, "; ".join(f"{u}: {why}" for u, why in faults.items()))
    print(f"Downloading {name} from {bases[0]} into {root}.", file=sys.stderr)
    try:
        _fetch(kind, bases, file, root)
    except FAILURES as error:
        raise _not_downloaded(name, root, " ".join(str(error).split())) from None


def _bases(name: str, kind: Any) -> list[str]:
    """Returns the base addresses of the files, the preferred one first."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return kind.mirrors if name != "cifar10" else [kind.url.removesuffix(kind.filename)]
    base = mirror.rstrip("/") + "/"
    return [base] if name == "cifar10" else [f"{base}{FOLDERS[name]}/", base]


def _ask(urls: list[str]) -> dict[str, str]:
    """Tries all addresses at once, and returns for each why it does not answer, or ''."""
    faults = dict.fromkeys(urls, f"no answer within {PATIENCE:g} s")

    def ask(url: str) -> None:
        try:
            with urlopen(Request(url, headers=AGENT), timeout=PATIENCE):
                faults[url] = ""
        except (OSError, ValueError, HTTPException) as error:
            faults[url] = str(error)
            if isinstance(error, HTTPError):
                error.close()

    # Daemon threads, which may outlast this function: the look-up of a name has no time limit.
    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    end = time.monotonic() + PATIENCE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(faults)


def _fetch(kind: Any, bases: list[str], file: str, root: Path) -> None:
    """Downloads into a temporary folder, then moves file by file, so that the root has no parts."""
    root.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    with TemporaryDirectory(prefix=".download-", dir=root) as aside:
        source = kind.__new__(kind)  # the constructor would unpickle the download
        source.root, source.mirrors, source.url = aside, bases, bases[0] + file
        socket.setdefaulttimeout(STALLED)  # torchvision sets none
        try:
            source.download()
        finally:
            socket.setdefaulttimeout(before)
        for path in (path for path in Path(aside).rglob("*") if path.is_file()):
            target = root / path.relative_to(aside)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)


def _not_downloaded(name: str, root: Path, why: str) -> UsageError:
    return UsageError(
        f"{name} is not under {root} and could not be downloaded ({why}). "
        f"{how_to_get(name, root)}, and {MIRROR}=URL a copy on a web server."
    )
