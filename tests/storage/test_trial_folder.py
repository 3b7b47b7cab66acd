"""The folder of one trial survives kills, torn lines, damaged files and late writers."""

import json

import numpy as np
import pytest

from scaling.errors import UsageError
from scaling.storage.files import write_json
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


def test_rows_come_back(folder):
    for epoch in (1, 2):
        folder.append_row(row(epoch))
    assert folder.rows() == [row(1), row(2)]


@pytest.mark.parametrize("torn", [b'{"epoch": 3, "te', b'{"epoch": 3,', b"\xff\xfe\n", b"3\n"])
def test_a_torn_line_costs_that_line_only(folder, torn):
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


def test_no_epoch_is_in_the_file_twice(folder):
    for epoch in (1, 2, 2, 1, 3):
        folder.append_row(row(epoch))
    assert [r["epoch"] for r in folder.rows()] == [1, 2, 3]
    assert [r["epoch"] for r in folder.cut_rows(2)] == [1, 2]
    assert (folder.path / "rows.jsonl").read_text().count("\n") == 2


def test_nan_is_never_written(folder):
    with pytest.raises(ValueError, match="JSON"):
        folder.append_row({"epoch": 1, "test_elbo": float("nan")})
    assert folder.rows() == []


def test_states_follow_rows_done_and_failures(folder):
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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "done"}', '{"epoch": 10}'])
def test_a_damaged_done_json_is_ignored(folder, text):
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


def test_a_damaged_trial_json_is_written_again(folder):
    (folder.path / "trial.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        folder.trial()
    folder.create(TRIAL)
    assert folder.trial() == TRIAL


def test_a_trial_json_that_lacks_a_field_is_another_trial_unless_it_is_at_its_default(tmp_path):
    decayed = VaeTrial("digits", n_c=2, weight_decay=1e-4)
    folder = Store(tmp_path).folder(key(decayed))
    folder.path.mkdir(parents=True)
    lacking = {name: v for name, v in to_dict(decayed).items() if name != "weight_decay"}
    write_json(folder.path / "trial.json", lacking)
    with pytest.raises(UsageError, match="other defaults"):
        folder.create(decayed)
    same = Store(tmp_path).folder(key(TRIAL))
    same.path.mkdir(parents=True)
    write_json(same.path / "trial.json", to_dict(TRIAL) | {"format": 1})
    same.create(TRIAL)
    write_json(same.path / "trial.json", lacking)
    same.create(TRIAL)  # what is lacking is at its default
