"""Downloads from a server on this machine; failures are reported and never waited for."""

import gzip
import io
import socket
import tarfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, MNIST

from scaling.data import official
from scaling.errors import UsageError
from tests.narrow import not_none
from tests.official_files import assert_same, cifar_files, expect, md5, mnist_files, write


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    """Signals its handlers when it is about to close."""

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.closing = threading.Event()


class Stalling(BaseHTTPRequestHandler):
    """Announces a megabyte, sends ten bytes, and then nothing."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"0123456789")
        self.wfile.flush()
        assert isinstance(self.server, Server)
        self.server.closing.wait(10)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Serves a folder, or what a handler answers, on this machine, as the mirror."""
    servers = []

    def start(handler):
        if isinstance(handler, Path):
            handler = partial(Quiet, directory=handler)
        server = Server(handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("SCALING_MIRROR", f"http://127.0.0.1:{server.server_port}")

    yield start
    for server in servers:
        server.closing.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def mnist_mirror(tmp_path, monkeypatch):
    """Writes packed files to serve, and makes torchvision accept them as the originals."""

    def make(folder):
        write(folder, mnist_files(), packed=True)
        sums = [(path.name, md5(path.read_bytes())) for path in sorted(folder.iterdir())]
        monkeypatch.setattr(MNIST, "resources", sums)
        return folder

    return make


@pytest.mark.parametrize("layout", ["MNIST/raw", "."], ids=["a data root", "flat"])
def test_a_data_set_is_downloaded_from_a_mirror(tmp_path, serve, mnist_mirror, layout, capsys):
    mnist_mirror(tmp_path / "served" / layout)
    serve(tmp_path / "served")
    root = tmp_path / "root"
    official.download("mnist", root)
    assert_same(official.read(root, "mnist"), [MNIST(root, train=True), MNIST(root, train=False)])
    assert "Downloading mnist from http://127.0.0.1" in capsys.readouterr().err
    assert [path.name for path in root.iterdir()] == ["MNIST"]


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
def test_cifar_is_downloaded_and_unpacked(tmp_path, serve, monkeypatch):
    files = cifar_files()
    expect(monkeypatch, files)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(packed.getvalue()))
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / CIFAR10.filename).write_bytes(packed.getvalue())
    serve(tmp_path / "served")
    official.download("cifar10", tmp_path / "root")
    write(tmp_path / "cifar-10-batches-py", files)
    unpacked = not_none(official.read(tmp_path / "root", "cifar10"))
    for got, put in zip(unpacked, not_none(official.read(tmp_path, "cifar10")), strict=True):
        np.testing.assert_array_equal(got[0], put[0])


def test_a_data_root_can_serve_what_it_has_downloaded(tmp_path, serve, mnist_mirror):
    mnist_mirror(tmp_path / "served/MNIST/raw")
    for first, second in (("served", "one"), ("one", "two")):
        serve(tmp_path / first)
        official.download("mnist", tmp_path / second)
    assert official.read(tmp_path / "two", "mnist") is not None


def test_a_wrong_checksum_is_refused_and_nothing_stays(tmp_path, serve, mnist_mirror):
    folder = mnist_mirror(tmp_path / "served/MNIST/raw")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"other"))
    serve(tmp_path / "served")
    with pytest.raises(UsageError, match="File not found or corrupted.*mnist_train.npz"):
        official.download("mnist", tmp_path / "root")
    assert not list((tmp_path / "root").iterdir())


def test_an_unreachable_host_is_named(tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("SCALING_MIRROR", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(UsageError, match="refused.*SCALING_MIRROR") as error:
            official.download("fashion_mnist", tmp_path / "root")
    assert "FashionMNIST/raw" in str(error.value) and "--data-root" in str(error.value)
    assert not (tmp_path / "root").exists()


def test_a_host_that_accepts_and_says_nothing_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(official, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SCALING_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UsageError, match="(no answer within 0.2 s|timed out).*Put data_batch"):
            official.download("cifar10", tmp_path / "root")


def test_a_name_whose_look_up_never_ends_is_given_up(tmp_path, monkeypatch):
    found = threading.Event()
    monkeypatch.setattr(official, "PATIENCE", 0.2)

    def look_up(*args, **more):
        found.wait(30)
        raise OSError("no such name")

    monkeypatch.setattr(official, "urlopen", look_up)
    with pytest.raises(UsageError, match="no answer within 0.2 s"):
        official.download("mnist", tmp_path / "root")
    found.set()


def test_a_download_that_stalls_is_given_up(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(official, "STALLED", 0.2)
    serve(Stalling)
    before = socket.getdefaulttimeout()
    with pytest.raises(UsageError, match="mnist .*could not be downloaded.*timed out"):
        official.download("mnist", tmp_path / "root")
    assert socket.getdefaulttimeout() == before
    assert not list((tmp_path / "root").iterdir())


def test_a_mirror_that_is_no_address_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALING_MIRROR", "example.org/data")
    with pytest.raises(UsageError, match="unknown url type"):
        official.download("mnist", tmp_path / "root")
