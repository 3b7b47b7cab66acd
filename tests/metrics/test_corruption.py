"""Accuracies under corruption, on CIFAR-10-C's files if they exist, else on made images."""

from dataclasses import replace

import numpy as np
import pytest

from scaling.data.corruptions import cifar10_c as corruptions
from scaling.data.datasets import Dataset
from scaling.errors import UsageError
from scaling.metrics import corruption
from scaling.metrics.corruption import COLUMNS, Settings
from scaling.metrics.representation import accuracies, latent_means
from scaling.runs.vae import VaeRun


@pytest.fixture(scope="module")
def blobs():
    """Makes 60 + 60 images 3x32x32 of three classes, which are three colours."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = np.full((60, 3, 32, 32), 60) + rng.integers(0, 40, (60, 3, 32, 32))
    images[np.arange(60), labels] += 100
    images = images.astype(np.uint8)
    return Dataset("cifar10", images, images.copy(), labels, labels, 256)


@pytest.fixture
def run(trial, blobs):
    return VaeRun(replace(trial, dataset="cifar10"), blobs, 1, 1)


def test_every_corruption_has_its_accuracies(run, blobs, monkeypatch):
    monkeypatch.setattr(corruptions, "BLOCK", 60)
    row, arrays = corruption.measure(run)
    assert row.pop("corruptions") == "generated"
    assert set(row) == set(COLUMNS) and len(COLUMNS) == 80 and not arrays
    fog = corruptions.corrupt(blobs.test, "fog", 5)
    features = latent_means(run.vae, run.test.new_tensor(fog))
    for name, value in accuracies(features, blobs.test_labels).items():
        assert row[f"accuracy_{name}__fog"] == value
    assert row == {k: v for k, v in corruption.measure(run)[0].items() if k != "corruptions"}


@pytest.fixture
def official(blobs, tmp_path, monkeypatch):
    """Makes a data root with a CIFAR-10-C in which no corruption changes an image."""
    monkeypatch.setattr(corruptions, "TEST_IMAGES", 60)
    monkeypatch.setattr(corruptions, "OFFICIAL_SHAPE", (300, 32, 32, 3))
    folder = tmp_path / "CIFAR-10-C"
    folder.mkdir()
    np.save(folder / "labels.npy", np.tile(blobs.test_labels, 5))
    for name in corruptions.NAMES:
        np.save(folder / f"{name}.npy", np.concatenate([blobs.test] * 5).transpose(0, 2, 3, 1))
    return tmp_path


def test_official_files_are_used_with_the_test_set_of_cifar10(run, blobs, official):
    """They are under the root of CIFAR-10's own files, or in a given folder."""
    there = replace(blobs, root=official)
    run = VaeRun(run.trial, there, 1, 1)
    row, _ = corruption.measure(run)
    clean = accuracies(latent_means(run.vae, run.test), blobs.test_labels)
    assert row["corruptions"] == "official"
    assert all(row[column] == clean[column[9:].split("__")[0]] for column in COLUMNS)
    few, _ = corruption.measure(run, Settings(images=40))
    first = accuracies(latent_means(run.vae, run.test[:40]), blobs.test_labels[:40])
    assert all(few[column] == first[column[9:].split("__")[0]] for column in COLUMNS)
    elsewhere = VaeRun(run.trial, blobs, 1, 1)
    assert corruption.measure(elsewhere, Settings(folder=str(official / "CIFAR-10-C")))[0] == row
    with pytest.raises(UsageError, match="nowhere is no folder. Correct it, or leave it out"):
        corruption.measure(elsewhere, Settings(folder="nowhere"))
    own = VaeRun(run.trial, replace(blobs, name="own.npz"), 1, 1)
    with pytest.raises(UsageError, match="whole test set of cifar10 only"):
        corruption.measure(own, Settings(folder=str(official / "CIFAR-10-C")))
    np.save(official / "CIFAR-10-C" / "fog.npy", np.zeros((2, 2)))
    with pytest.raises(UsageError, match="fog.npy"):
        corruption.measure(run)


def test_for_other_images_the_row_has_a_reason(trial, tiny):
    row, _ = corruption.measure(VaeRun(trial, tiny, 1, 1))
    assert row == {"corruption_absent": "corruptions are for RGB images of 32x32 pixels only"}


def test_a_severity_other_than_1_to_5_is_refused():
    with pytest.raises(UsageError, match="severity=6"):
        Settings(severity=6)
