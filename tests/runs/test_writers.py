"""A trial with missing rows is not done, and a writer that lost its lock stops."""

import json

import pytest

from analysis.storage.trial_folder import read_trial
from scaling.errors import Unfinished
from scaling.runs import saver
from scaling.runs.execute import Job, execute
from scaling.storage import provenance
from scaling.storage.lock import Fence
from scaling.storage.store import Store
from scaling.trial import key
from tests.conftest import timeless

EPOCHS = 4


@pytest.fixture(autouse=True)
def checkpoint_at_every_row(monkeypatch):
    monkeypatch.setattr(saver, "CHECKPOINT_SHARE", 1e9)


@pytest.fixture
def folder(tmp_path, trial):
    made = Store(tmp_path).folder(key(trial))
    made.create(trial)
    return made


def without(folder, *epochs):
    lines = [row for row in folder.rows() if row["epoch"] not in epochs]
    (folder.path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))


@pytest.mark.parametrize("lost", [(1,), (2, 3), (4,), (1, 2, 3, 4)])
def test_a_trial_that_lost_rows_is_partial_and_gets_them_again(folder, tiny, lost):
    execute(folder, tiny, Job(EPOCHS, 1), lambda row: None)
    whole = [timeless(row) for row in folder.rows()]
    assert folder.done()["rows"] == [1, 2, 3, 4] and folder.state(EPOCHS) == "done"
    without(folder, *lost)
    assert folder.state(EPOCHS) == "partial"
    assert read_trial(folder.path, EPOCHS).state in ("partial", "waiting")
    execute(folder, tiny, Job(EPOCHS, 1), lambda row: None)
    assert [timeless(row) for row in folder.rows()] == whole
    assert folder.state(EPOCHS) == read_trial(folder.path, EPOCHS).state == "done"


def test_a_writer_stops_at_the_row_after_its_lock_was_taken(folder, tiny, tmp_path):
    lock = tmp_path / "launch.lock"
    lock.write_text(json.dumps({"id": "ours"}))

    def report(row):
        if row["epoch"] == 2:
            lock.write_text(json.dumps({"id": "theirs"}))

    with pytest.raises(Unfinished, match="taken over"):
        execute(folder, tiny, Job(EPOCHS, 1, fence=Fence(lock, "ours")), report)
    assert [row["epoch"] for row in folder.rows()] == [1, 2]
    assert [state["epoch"] for state in folder.load_checkpoints()] == [1]
    assert folder.done() is None


def test_an_unreadable_lock_does_not_stop_the_writer(folder, tiny, tmp_path):
    lock = tmp_path / "launch.lock"
    for text in (None, "", "{"):
        lock.unlink(missing_ok=True)
        if text is not None:
            lock.write_text(text)
        Fence(lock, "ours").check()
    execute(folder, tiny, Job(1, 1, fence=Fence(lock, "ours")), lambda row: None)
    assert folder.state(1) == "done"


def test_done_json_names_the_host_and_the_code(folder, tiny):
    execute(folder, tiny, Job(1, 1), lambda row: None)
    assert folder.done()["host"] == provenance.host()
    assert folder.done()["code"]["sha256"] == provenance.code()["sha256"]
