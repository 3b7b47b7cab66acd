"""The store and the table of damaged folders: rows, states, and how a launch repairs them."""

import math

import pytest

from analysis.storage.trial_folder import read_rows, read_trial
from scaling.storage.trial_folder import TrialFolder
from tests.damaged_folders import CASES, NEVER, TRIAL, place

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@EACH
def test_the_store_finds_the_rows_and_the_state_of_the_table(case, tmp_path):
    folder = TrialFolder(place(case, tmp_path))
    assert [row["epoch"] for row in folder.rows()] == case.rows
    assert folder.reached() == max(case.rows, default=0)
    assert folder.state(case.epochs) == case.state
    assert folder.state(NEVER) != "done"


@EACH
def test_both_readers_agree(case, tmp_path):
    """They agree in every number, and in the state on which a launch and a report act."""
    path = place(case, tmp_path)
    folder = TrialFolder(path)
    assert read_rows(path / "rows.jsonl") == folder.rows()
    assert all(math.isfinite(v) for row in folder.rows() for v in row.values())
    folder.create(TRIAL)  # as a launch does first
    for epochs in (1, 4, 8, 9, 12, 13, NEVER):
        seen, found = read_trial(path, epochs).state, folder.state(epochs)
        assert (seen == "done") == (found == "done")
        assert (seen == "failed") == (found == "failed")


@EACH
def test_a_launch_repairs_the_file_of_rows(case, tmp_path):
    """With no row to cut the file holds what was read; the next row is appended to it."""
    folder = TrialFolder(place(case, tmp_path))
    before = folder.rows()
    assert folder.cut_rows(NEVER) == before
    folder.append_row({"epoch": NEVER})
    assert folder.rows() == [*before, {"epoch": NEVER}]
    assert (folder.path / "rows.jsonl").read_text().count("\n") == len(before) + 1


def test_the_later_line_of_an_epoch_written_twice_counts(tmp_path):
    (case,) = (case for case in CASES if case.name == "an epoch twice")
    assert TrialFolder(place(case, tmp_path)).rows()[0]["taken"] == 1
