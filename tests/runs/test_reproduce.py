"""A trial trained again gives the same bits, and every changed column is named."""

import json
from dataclasses import replace

import pytest

from scaling.cli.reproduce import lines, whole_key
from scaling.errors import UsageError
from scaling.runs.execute import Job, execute
from scaling.runs.reproduce import compared, reproduce
from scaling.storage.store import Store
from scaling.trial import key


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def trained(store, trial, data, epochs=12, every=4, **more):
    folder = store.folder(key(trial))
    folder.create(trial)
    execute(folder, data, Job(epochs, every, **more), lambda row: None)
    return folder


def change(folder, epoch, **values):
    rows = [row | (values if row["epoch"] == epoch else {}) for row in folder.rows()]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder.path / "rows.jsonl").write_text(text)


@pytest.mark.parametrize("every", [1, 3, 4, 5, 8, 12])
def test_every_row_is_reproduced(store, trial, tiny, every):
    folder = trained(store, trial, tiny, every=every)
    found = reproduce(store, folder.key, tiny, "cpu")
    assert found.mismatches == []
    assert found.lacking == []
    assert found.not_measured == []
    assert found.circumstances == {}
    assert found.rows == len(folder.rows())


def test_rows_of_a_shorter_and_a_longer_launch_are_reproduced(store, trial, tiny):
    trained(store, trial, tiny, epochs=5, every=2)
    folder = trained(store, trial, tiny, epochs=12, every=4, kept_epochs=(7,))
    found = reproduce(store, folder.key, tiny, "cpu")
    assert (found.mismatches, found.lacking) == ([], [])
    assert found.rows == len(folder.rows()) > 5


def test_a_changed_bit_is_named(store, trial, tiny):
    folder = trained(store, trial, tiny)
    row = folder.rows()[1]
    change(folder, row["epoch"], test_elbo=row["test_elbo"] * (1 + 2**-50), seconds=1e9)
    (one,) = reproduce(store, folder.key, tiny, "cpu").mismatches
    assert (one.column, one.first, one.epochs) == ("test_elbo", row["epoch"], 1)
    assert one.now == row["test_elbo"]
    assert one.largest is not None
    assert 0 < one.largest < 1e-14


def test_the_largest_difference_is_relative_to_the_larger_number():
    before = [{"epoch": 1, "a": -2.0}, {"epoch": 2, "a": 4.0}, {"epoch": 3, "a": 1.0}]
    now = [{"epoch": 1, "a": -1.5}, {"epoch": 2, "a": 5.0}]
    found = compared(before, now, {})
    (one,) = found.mismatches
    assert (one.epochs, one.first, one.before, one.now, one.largest) == (2, 1, -2.0, -1.5, 0.25)
    assert (found.rows, found.lacking) == (2, [3])


def test_other_images_change_the_columns_that_they_enter(store, trial, tiny):
    folder = trained(store, trial, tiny)
    other = replace(tiny, test=tiny.test.copy())
    other.test[0] = 0
    names = {one.column for one in reproduce(store, folder.key, other, "cpu").mismatches}
    assert "test_elbo" in names
    assert "train_elbo" not in names


def test_metrics_measured_later_are_left_out_and_named(store, trial, tiny):
    folder = trained(store, trial, tiny)
    change(folder, 12, amortization_gap=1.5)
    found = reproduce(store, folder.key, tiny, "cpu")
    assert found.mismatches == []
    assert found.not_measured == ["amortization_gap"]


def test_other_code_and_versions_are_named(store, trial, tiny):
    folder = trained(store, trial, tiny)
    done = json.loads((folder.path / "done.json").read_text())
    done["code"]["sha256"], done["torch"] = "0" * 64, "1.0"
    (folder.path / "done.json").write_text(json.dumps(done))
    found = reproduce(store, folder.key, tiny, "cpu")
    assert set(found.circumstances) == {"code sha256", "torch"}
    printed = "\n".join(lines(folder.key, found, "cpu"))
    assert "torch was 1.0" in printed
    assert "bit by bit" in printed


def test_reproducing_changes_no_file(store, trial, tiny):
    folder = trained(store, trial, tiny)
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    reproduce(store, folder.key, tiny, "cpu")
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_an_unfinished_trial_has_nothing_to_compare_with(store, trial, tiny):
    folder = trained(store, trial, tiny)
    (folder.path / "done.json").unlink()
    with pytest.raises(UsageError, match="is not finished"):
        reproduce(store, folder.key, tiny, "cpu")


def test_a_key_may_be_given_by_its_beginning_or_its_hash(store, trial):
    names = []
    for seed in (0, 1):
        one = replace(trial, seed=seed)
        store.folder(key(one)).create(one)
        names.append(key(one))
    assert whole_key(store.root, names[0]) == names[0]
    assert whole_key(store.root, names[1][-12:]) == names[1]
    assert whole_key(store.root, names[0][:-3]) == names[0]
    with pytest.raises(UsageError, match="2 trials begin or end"):
        whole_key(store.root, "digits")
    with pytest.raises(UsageError, match="No trial in .* Did you mean"):
        whole_key(store.root, names[0][:-4] + "zzzz")
    with pytest.raises(UsageError, match="contains no trials"):
        whole_key(store.root / "nowhere", "digits")
