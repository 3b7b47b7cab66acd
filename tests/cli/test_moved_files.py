"""A user's file that was renamed is found by its content, and what is not found is named."""

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from scaling.cli.moved_files import moved_loader
from scaling.data.datasets import load
from scaling.errors import UsageError
from scaling.runs.execute import Job, execute
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key
from scaling.trial.own_files import identified

ROOT = Path(__file__).parents[2]
ONE, OTHER = (np.random.default_rng(seed).integers(0, 9, (40, 8, 8), np.uint8) for seed in (1, 2))


def options(*paths):
    return Namespace(data_root=None, offline=True, dataset=list(paths))


@pytest.fixture
def trial(tmp_path):
    """Returns a trial on a file that is renamed to new.npz afterwards; other.npz is another."""
    np.savez(tmp_path / "old.npz", images=ONE)
    np.savez(tmp_path / "other.npz", images=OTHER)
    return identified(VaeTrial(str(tmp_path / "old.npz"), n_c=2, batch=20))


def test_a_renamed_file_is_read_where_it_is_now(trial, tmp_path):
    before = load(trial.dataset)
    (tmp_path / "old.npz").rename(tmp_path / "new.npz")
    digits = VaeTrial("digits", n_c=2)
    reading = moved_loader(options(tmp_path / "new.npz"), [trial, digits])
    assert reading(trial.dataset, "threshold").fingerprint == before.fingerprint
    assert reading("digits", "threshold").name == "digits"


@pytest.mark.parametrize(("given", "message"), [
    ("other.npz", "No chosen trial was trained on the content of .*other.npz"),
    ("nix.npz", "nix.npz: there is no such file. Give the path of an npz archive"),
    (None, "old.npz does not exist. If it was moved or renamed"),
])  # fmt: skip
def test_a_file_that_is_not_found_is_named(trial, tmp_path, given, message):
    (tmp_path / "old.npz").unlink()
    with pytest.raises(UsageError, match=message):
        moved_loader(options(*([tmp_path / given] if given else [])), [trial])


def test_reproduce_and_evaluate_take_the_path(trial, tmp_path):
    folder = Store(tmp_path / "r").folder(key(trial))
    folder.create(trial)
    data = load(trial.dataset)
    execute(folder, data, Job(2, 1), lambda row: None)
    (tmp_path / "old.npz").rename(tmp_path / "new.npz")
    words = [sys.executable, "-m", "scaling", "reproduce", folder.key, "--results", tmp_path / "r"]
    lost = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert lost.returncode == 2 and "--dataset NEW.npz" in lost.stderr
    found = subprocess.run(
        [*words, "--dataset", tmp_path / "new.npz"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0 and "2 rows the same" in found.stdout, found.stderr
    words = ["evaluate", "--metric", "psnr", "--dry-run", "--results", tmp_path / "r"]
    told = subprocess.run(
        [sys.executable, "-m", "scaling", *words, "--dataset", tmp_path / "new.npz"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
