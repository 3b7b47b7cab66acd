"""Checkpoints: the newest, its predecessor and kept models; damaged ones are passed over."""

import errno
import os
from typing import Any

import pytest
import torch

from scaling.storage import checkpoints
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key
from tests.narrow import not_none

TRIAL = VaeTrial("digits", n_c=2)


@pytest.fixture
def folder(tmp_path):
    made = Store(tmp_path).folder(key(TRIAL))
    made.create(TRIAL)
    return made


def state(epoch):
    return {"epoch": epoch, "weights": torch.full((3,), float(epoch))}


def test_kept_models_and_the_newest_state_are_both_there(folder):
    for epoch in (1, 2, 3):
        folder.save_checkpoint(state(epoch) | {"optimizer": {"big": torch.zeros(9)}})
        if epoch == 1:
            checkpoints.keep(folder.path, state(epoch) | {"optimizer": {"big": torch.zeros(9)}})
    assert checkpoints.epochs(folder.path) == [1, 2, 3]
    kept = not_none(checkpoints.at(folder.path, 1))
    assert "optimizer" not in kept
    assert torch.equal(kept["weights"], state(1)["weights"])
    assert not_none(checkpoints.at(folder.path, 3))["epoch"] == 3
    assert checkpoints.at(folder.path, 7) is None


@pytest.mark.parametrize("epoch", [0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**40])
def test_epochs_equal_those_of_the_loaded_states(folder, epoch, monkeypatch):
    """Files are scanned, not loaded, because a launch reads thousands of them."""
    for saved in (state(epoch) | {"seconds": 1.5}, {"weights": torch.ones(2)} | state(epoch + 1)):
        checkpoints._write(folder.path / ".new.pt", saved)
        checkpoints.put_newest(folder.path, folder.path / ".new.pt")
    assert checkpoints.epochs(folder.path) == [epoch, epoch + 1]
    (folder.path / checkpoints.NEWEST).unlink()
    monkeypatch.setattr(checkpoints, "_read", lambda path: pytest.fail("loaded"))
    assert checkpoints.epochs(folder.path) == [epoch]


@pytest.mark.parametrize("at", [0.02, 0.3, 0.6, 0.9])
def test_a_damaged_checkpoint_never_has_a_wrong_epoch(folder, at):
    folder.save_checkpoint(state(7) | {"big": torch.zeros(1000)})
    newest = folder.path / "checkpoint.pt"
    content = newest.read_bytes()
    for damaged in (content[: int(at * len(content))], content[int(at * len(content)) :]):
        newest.write_bytes(damaged)
        assert checkpoints.epochs(folder.path) in ([], [7])
    torn = bytearray(content)
    torn[content.index(b"epoch") + 7] ^= 3  # within the pickle, so its checksum is wrong
    newest.write_bytes(torn)
    assert checkpoints.epochs(folder.path) == [s["epoch"] for s in folder.load_checkpoints()]


def test_the_newest_checkpoint_is_loaded_first(folder):
    for epoch in (1, 2, 3):
        assert folder.save_checkpoint(state(epoch))
    assert [s["epoch"] for s in folder.load_checkpoints()] == [3, 2]


def test_a_late_writer_replaces_nothing(folder):
    folder.save_checkpoint(state(5))
    assert not folder.save_checkpoint(state(4))
    assert [s["epoch"] for s in folder.load_checkpoints()] == [5]
    assert folder.save_checkpoint({**state(5), "again": True})  # the same epoch is not earlier
    assert [s.get("again") for s in folder.load_checkpoints()] == [True, None]


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_falls_back(folder, damage):
    folder.save_checkpoint(state(1))
    folder.save_checkpoint(state(2))
    newest = folder.path / "checkpoint.pt"
    newest.write_bytes(newest.read_bytes()[:200] if damage is None else damage)
    assert [s["epoch"] for s in folder.load_checkpoints()] == [1]


def test_a_pickle_that_runs_code_is_refused(folder, tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    torch.save({"epoch": 1, "evil": Evil()}, folder.path / "checkpoint.pt")
    (folder.path / "checkpoint.prev.pt").write_bytes(pickle.dumps(Evil()))
    assert list(folder.load_checkpoints()) == []
    assert not (tmp_path / "owned").exists()


def test_only_the_averaged_weights_of_a_diffusion_model_are_kept(folder):
    whole = state(4) | {"model": {"w": 1}, "averaged": {"w": 2}, "optimizer": {"m": 3}}
    checkpoints.keep(folder.path, whole)
    checkpoints.keep(folder.path, state(12) | {"model": {"w": 1}})
    assert not_none(checkpoints.at(folder.path, 4)).keys() == {"epoch", "weights", "averaged"}
    assert not_none(checkpoints.at(folder.path, 12)).keys() == {"epoch", "weights", "model"}
    assert checkpoints.kept_epochs(folder.path) == [4, 12]


def test_a_full_disk_is_named_and_leaves_the_old_checkpoint(folder, monkeypatch):
    folder.save_checkpoint(state(1))
    names = sorted(os.listdir(folder.path))

    class Full:
        def __init__(self, stream):
            self.stream = stream

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self):
            pass

    saved: Any = torch.save
    monkeypatch.setattr(torch, "save", lambda state, stream: saved(state, Full(stream)))
    with pytest.raises(OSError, match="No space left"):
        folder.save_checkpoint(state(2))
    assert sorted(os.listdir(folder.path)) == names
    assert [s["epoch"] for s in folder.load_checkpoints()] == [1]


@pytest.mark.parametrize("content", [[1], {"epochs": 3}, {"epoch": "3"}])
def test_a_file_that_holds_no_state_is_passed_over(folder, content):
    folder.save_checkpoint(state(1))
    folder.save_checkpoint(state(2))
    torch.save(content, folder.path / "checkpoint.pt")
    assert [s["epoch"] for s in folder.load_checkpoints()] == [1]
    assert folder.save_checkpoint(state(3))
    assert checkpoints.epochs(folder.path) == [3]  # a foreign file became the previous one
