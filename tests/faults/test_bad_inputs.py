"""P11: an error before the start is one line that names the file, with exit code 2."""

import os
import sys
from typing import Any

import numpy as np
import pytest

from scaling import __main__ as command
from scaling.cli import study as cli
from scaling.data import datasets
from scaling.pools.importing import import_samples
from studies.double_descent import PRESETS, trials
from tests.cluster.conftest import TINY

pytestmark = pytest.mark.faults
SIZE = 60  # images of a chunk, as in the smoke test's D_train
LEVELS = np.random.default_rng(0).integers(0, 17, (2 * SIZE, 8, 8), dtype=np.uint8)


def one_line(err, *texts):
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    for text in texts:
        assert text in err


def with_wrong_header(path):
    """Writes a header of twice as many images as the file has."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (4 * SIZE, 8, 8)}
    with open(path, "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(LEVELS.tobytes())


def truncated(path):
    np.save(path, LEVELS)
    os.truncate(path, path.stat().st_size // 2)


def saved(array):
    return lambda path: np.save(path, array, allow_pickle=True)


UNIT = (LEVELS / 16).astype(np.float32)
NOT_A_NUMBER = np.where(np.arange(8) == 3, np.nan, UNIT)
SAMPLES = {
    "objects": saved(np.array([[{}] * 8] * 8, dtype=object)),
    "truncated": truncated,
    "a header of more images than there are": with_wrong_header,
    "complex numbers": saved(LEVELS.astype(complex)),
    "flat": saved(LEVELS.reshape(-1)),
    "not a number": saved(NOT_A_NUMBER),
    "no images": saved(LEVELS[:0]),
    "fewer than a chunk": saved(LEVELS[: SIZE - 1]),
    "too many levels": saved(LEVELS + np.uint8(9)),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("rescale", [[], ["--rescale", "unit"]], ids=["levels", "floats"])
@pytest.mark.parametrize("name", SAMPLES)
def test_samples_that_cannot_be_imported_are_refused(tmp_path, monkeypatch, capsys, name, rescale):
    path, results = tmp_path / "samples.npy", tmp_path / "results"
    SAMPLES[name](path)
    words = ["pool", "import", path, "--name", "x", "--train-size", SIZE, "--results", results]
    monkeypatch.setattr(sys, "argv", ["scaling", *map(str, [*words, *rescale])])
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 2
    one_line(capsys.readouterr().err, "samples.npy")
    assert not list(results.glob("pools/*/chunk-*"))


def launched(monkeypatch, capsys, *words):
    """Returns the error of a launch that stops before Ray."""
    monkeypatch.setattr("ray.init", lambda *words, **options: pytest.fail("Ray was started"))
    monkeypatch.setattr(sys, "argv", ["study.py", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        cli.main("double_descent", trials, PRESETS, lambda folder: [])
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def pool(tmp_path):
    """Makes a pool of two imported chunks, and returns its folder."""
    np.save(tmp_path / "samples.npy", LEVELS)
    data = datasets.load("digits")
    train = datasets.split(data, SIZE, 2).train
    root = tmp_path / "results" / "pools"
    facts: dict[str, Any] = {
        "dataset": "digits",
        "levels": data.levels,
        "train": train,
        "rescale": None,
    }
    import_samples(tmp_path / "samples.npy", root, "mine", **facts)
    (path,) = root.iterdir()
    return path


CHUNKS = {
    "truncated": lambda path: os.truncate(path, 999),
    "a header of more images than there are": with_wrong_header,
    "objects": lambda path: saved(np.array([{}], dtype=object))(path),
    "a link out": lambda path: (path.rename(path.parents[2] / "out"), path.symlink_to("../../out")),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_study_on_a_damaged_pool_is_refused(pool, tmp_path, monkeypatch, capsys, name):
    CHUNKS[name](pool / "chunk-00001.npy")
    words = ["--smoke-test", "--source", "dmaapx", "--m-z", 1, "--n-c", 2, "--seeds", 0]
    words += ["--set", f"source.pool={pool.name}", "source.k=2", "--results", tmp_path / "results"]
    one_line(launched(monkeypatch, capsys, *words), "chunk-00001.npy", pool.name)


@pytest.mark.parametrize(("words", "message"), [
    (["--m-z"], "--m-z: expected at least one argument"),
    (["--set", "m_z="], "m_z"),
    (["--seeds", "3-1"], "the range 3-1 is reversed: write 1-3"),
])  # fmt: skip
def test_a_grid_without_trials_is_refused(tmp_path, monkeypatch, capsys, words, message):
    output = launched(monkeypatch, capsys, "--smoke-test", "--results", tmp_path, *words)
    one_line(output, message)


@pytest.mark.cluster
def test_a_folder_that_is_read_only_is_refused(tmp_path, monkeypatch, capsys, read_only):
    (tmp_path / "results").mkdir()
    read_only(tmp_path / "results")
    output = launched(monkeypatch, capsys, *TINY, "--results", tmp_path / "results")
    one_line(output, "results cannot be written: Read-only file system", "--results DIR")


@pytest.mark.cluster
def test_a_full_disk_is_named(tmp_path, monkeypatch, capsys, small_disk):
    small_disk(40, tmp_path / "results")
    with pytest.raises(OSError, match="No space"):
        (tmp_path / "results" / "other").write_bytes(bytes(50_000))
    output = launched(monkeypatch, capsys, *TINY, "--results", tmp_path / "results")
    one_line(output, "results cannot be written: No space left on device", "--results DIR")


@pytest.mark.slow
@pytest.mark.cluster
def test_a_wrong_token_is_refused(study, tmp_path):
    """The cluster at `HOST:PORT` requires another token than this process has."""
    for name in ("theirs", "ours"):
        (tmp_path / name).write_text(name * 16)
    ours, theirs = (
        {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / name)}
        for name in ("ours", "theirs")
    )
    study.environment |= theirs
    with study.cluster() as address:
        study.environment |= ours
        run = study.run(*TINY, "--address", address)
    assert run.returncode == 2, run.stdout + run.stderr
    one_line(run.stderr, address, "token")
