"""The results folder: what survives kills, torn lines, damaged and late files."""

import json

import numpy as np
import pytest
import torch

from scaling.errors import UsageError
from scaling.storage import checkpoints
from scaling.storage.files import atomic, read_json, write_json
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key, to_dict

TRIAL = VaeTrial("digits", n_c=2)


@pytest.fixture
def folder(tmp_path):
    made = Store(tmp_path).folder(key(TRIAL))
    made.create(TRIAL)
    return made


def row(epoch):
    return {"epoch": epoch, "test_elbo": -100.0 - epoch}


def state(epoch):
    return {"epoch": epoch, "weights": torch.full((3,), float(epoch))}


def test_atomic_leaves_the_old_file_when_the_write_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as stream:
        stream.write(b"new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_rows_come_back(folder):
    for epoch in (1, 2):
        folder.append_row(row(epoch))
    assert folder.rows() == [row(1), row(2)]


@pytest.mark.parametrize("torn", [b'{"epoch": 3, "te', b'{"epoch": 3,', b"\xff\xfe\n", b"3\n"])
def test_a_torn_line_costs_that_line(folder, torn):
    folder.append_row(row(1))
    with open(folder.path / "rows.jsonl", "ab") as stream:
        stream.write(torn)
    assert folder.rows() == [row(1)]
    assert folder.cut_rows(10) == [row(1)]
    folder.append_row(row(2))
    assert folder.rows() == [row(1), row(2)]


def test_numbers_measured_later_join_their_epoch(folder):
    for epoch in (1, 2):
        folder.append_row(row(epoch))
    folder.merge_row(1, {"amortization_gap": 3.5})
    assert folder.rows() == [row(1) | {"amortization_gap": 3.5}, row(2)]
    folder.append_row(row(3))
    assert [r["epoch"] for r in folder.rows()] == [1, 2, 3]
    with pytest.raises(ValueError):
        folder.merge_row(2, {"amortization_gap": float("nan")})
    assert folder.rows() == [row(1) | {"amortization_gap": 3.5}, row(2), row(3)]


def test_arrays_are_added_and_replaced(folder):
    first, second = np.arange(3, dtype=np.uint8), np.ones((2, 2), np.float32)
    folder.merge_arrays({"a": first, "b": first})
    folder.merge_arrays({"b": second})
    with np.load(folder.path / "arrays.npz", allow_pickle=False) as found:
        assert found["a"].tolist() == [0, 1, 2]
        assert found["b"].tolist() == second.tolist()
    (folder.path / "arrays.npz").write_bytes(b"damaged")
    folder.merge_arrays({"a": first})
    with np.load(folder.path / "arrays.npz", allow_pickle=False) as found:
        assert found.files == ["a"]


def test_kept_models_stay_beside_the_newest_state(folder):
    for epoch in (1, 2, 3):
        folder.save_checkpoint(state(epoch) | {"optimizer": {"big": torch.zeros(9)}})
        if epoch == 1:
            checkpoints.keep(folder.path, state(epoch) | {"optimizer": {"big": torch.zeros(9)}})
    assert checkpoints.epochs(folder.path) == [1, 2, 3]
    kept = checkpoints.at(folder.path, 1)
    assert "optimizer" not in kept
    assert torch.equal(kept["weights"], state(1)["weights"])
    assert checkpoints.at(folder.path, 3)["epoch"] == 3
    assert checkpoints.at(folder.path, 7) is None


def test_no_epoch_stands_twice(folder):
    for epoch in (1, 2, 2, 1, 3):
        folder.append_row(row(epoch))
    assert [r["epoch"] for r in folder.rows()] == [1, 2, 3]
    assert [r["epoch"] for r in folder.cut_rows(2)] == [1, 2]
    assert (folder.path / "rows.jsonl").read_text().count("\n") == 2


def test_nan_is_never_written(folder):
    with pytest.raises(ValueError, match="JSON"):
        folder.append_row({"epoch": 1, "test_elbo": float("nan")})
    assert folder.rows() == []


def test_checkpoints_the_newest_first(folder):
    for epoch in (1, 2, 3):
        assert folder.save_checkpoint(state(epoch))
    assert [s["epoch"] for s in folder.load_checkpoints()] == [3, 2]


def test_a_late_writer_replaces_nothing(folder):
    folder.save_checkpoint(state(5))
    assert not folder.save_checkpoint(state(4))
    assert [s["epoch"] for s in folder.load_checkpoints()] == [5]


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_falls_back(folder, damage):
    folder.save_checkpoint(state(1))
    folder.save_checkpoint(state(2))
    newest = folder.path / "checkpoint.pt"
    newest.write_bytes(newest.read_bytes()[:200] if damage is None else damage)
    assert [s["epoch"] for s in folder.load_checkpoints()] == [1]


def test_a_pickle_that_runs_code_is_refused(folder, tmp_path):
    import os
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    torch.save({"epoch": 1, "evil": Evil()}, folder.path / "checkpoint.pt")
    (folder.path / "checkpoint.prev.pt").write_bytes(pickle.dumps(Evil()))
    assert list(folder.load_checkpoints()) == []
    assert not (tmp_path / "owned").exists()


def test_states(folder):
    assert folder.state(10) == "new"
    folder.append_row(row(10))
    assert folder.state(10) == "partial"
    folder.finish(10)
    assert folder.state(10) == "done"
    assert folder.state(5) == "done"
    assert folder.state(20) == "partial"
    folder.fail("no reason")
    assert folder.state(10) == "failed"
    assert folder.done() == {"state": "failed", "epoch": 10, "error": "no reason"}
    folder.append_row(row(12))
    folder.fail("in epoch 13")
    assert (folder.state(10), folder.state(12)) == ("done", "failed")
    folder.reopen()
    assert folder.state(10) == "partial"


def test_the_studies_of_a_trial(tmp_path):
    store = Store(tmp_path)
    for name, keys in (("b", ["x", "y"]), ("a", ["y"]), ("c", ["z"])):
        store.update_study(name, lambda study, keys=keys: study | {"trials": dict.fromkeys(keys)})
    assert [path.name for path in store.studies_of({"y"})] == ["a", "b"]
    assert store.studies_of(set()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "done"}', '{"epoch": 10}'])
def test_a_damaged_done_is_no_done(folder, text):
    folder.append_row(row(10))
    folder.finish(10)
    (folder.path / "done.json").write_text(text)
    assert folder.state(10) == "partial"


def test_a_done_trial_without_its_last_row_is_partial(folder):
    folder.append_row(row(10))
    folder.finish(10)
    (folder.path / "rows.jsonl").write_text(json.dumps(row(5)) + "\n")
    assert folder.state(10) == "partial"


def test_the_same_key_with_other_fields_is_refused(folder):
    write_json(folder.path / "trial.json", to_dict(VaeTrial("digits", n_c=3)))
    with pytest.raises(UsageError, match="other defaults"):
        folder.create(TRIAL)
    with pytest.raises(UsageError, match="name or file was changed"):
        folder.trial()


def test_a_damaged_trial_json_is_written_anew(folder):
    (folder.path / "trial.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        folder.trial()
    folder.create(TRIAL)
    assert folder.trial() == TRIAL


def test_an_unwritable_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--results"):
        Store(tmp_path / "file" / "results").check_writable()


def test_json_that_cannot_be_read_is_none(tmp_path):
    assert read_json(tmp_path / "missing") is None
    (tmp_path / "list").write_text("[1]")
    assert read_json(tmp_path / "list") is None
