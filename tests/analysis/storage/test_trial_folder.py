"""The reader of `analysis` and the table of damaged folders: states and frames."""

from typing import Any

import pytest

from analysis.errors import ResultsError
from analysis.results import load, trials
from analysis.storage.trial_folder import read_rows, read_trial
from tests.damaged_folders import CASES, NEVER, place


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_analysis_finds_the_rows_and_the_state_of_the_table(case, tmp_path):
    path = place(case, tmp_path)
    assert [row["epoch"] for row in read_rows(path / "rows.jsonl")] == case.rows
    (found,) = trials(tmp_path / "study")
    assert found.state == case.in_report
    assert [row["epoch"] for row in found.rows] == [e for e in case.rows if e <= case.epochs]
    assert read_trial(path, NEVER).state != "done"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_frame_has_the_rows_of_the_table(case, tmp_path):
    place(case, tmp_path)
    kept = [epoch for epoch in case.rows if epoch <= case.epochs]
    if not kept or case.in_report == "unreadable":
        with pytest.raises(ResultsError, match="no measured epoch"):
            load(tmp_path / "study")
        return
    frame = load(tmp_path / "study")
    assert frame["epoch"].tolist() == kept
    assert set(frame["state"]) == {case.in_report}


def test_numbers_that_are_not_finite_are_missing(tmp_path):
    (case,) = (case for case in CASES if case.name == "non-finite numbers")
    place(case, tmp_path)
    assert load(tmp_path / "study")["kl"].isna().tolist() == [True, True, False]


def test_the_states_of_a_root_are_those_of_all_trained_epochs(tmp_path):
    """Without a study a trial is done if its last row is that of its done.json."""
    states: dict[str, Any] = {}
    for case in CASES:
        path = place(case, tmp_path / str(len(states)))
        states[case.name] = read_trial(path).state
    assert states["whole"] == states["done for a shorter study"] == "done"
    assert states["last row lost"] == states["all rows, not ended"] == "partial"
    assert states["failed after the requested epochs"] == "failed"
