"""The status of a study on disk, compared with the slow reading of the store."""

import json
import os
import subprocess
import sys

import pytest

from scaling.errors import UsageError
from scaling.status.board import board, paint
from scaling.status.listed import SHOWN, Listed
from scaling.status.status import find, glance, read
from scaling.storage.files import write_json
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import grid
from scaling.trial.source import Source
from tests.damaged_folders import CASES, NEVER, place
from tests.status.conftest import EPOCHS, TRIAL, Study


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_quick_reading_finds_what_the_store_finds(case, tmp_path):
    folder = TrialFolder(place(case, tmp_path))
    for epochs in (1, 4, 8, 9, 12, 13, NEVER):
        seen = glance(folder, epochs)
        assert seen.state == SHOWN[folder.state(epochs)]
        assert seen.epoch == folder.reached()


def test_the_last_epoch_of_a_long_file_is_found(study):
    name = study.keys[0]
    folder = study.store.folder(name)
    row = {"epoch": 1, "text": "x" * 30_000}  # a line that is longer than what is read first
    folder.append_row(row)
    assert glance(folder, EPOCHS).epoch == 1
    for epoch in range(2, 200):
        folder.append_row({"epoch": epoch, "test_elbo": -100.0, "more": "y" * 100})
    assert glance(folder, EPOCHS).epoch == 199


def test_each_state_and_why_one_failed(study):
    done, begun, failed, *_ = study.keys
    study.finish(done)
    study.reach(begun, 10)
    study.reach(failed, 5)
    study.store.folder(failed).fail("the loss is not finite. Lower lr.")
    found = read(study.root, "s")
    assert found.counts == {"done": 1, "running": 0, "begun": 1, "waiting": 9, "failed": 1}
    assert found.seen[failed].error == "the loss is not finite. Lower lr."
    assert found.seen[begun].epoch == 10
    assert found.activity is None


def test_running_trials_are_those_that_a_living_launch_lists(study):
    name = study.keys[3]
    study.reach(name, 20)
    study.launch(running={name: "0.25 GPU, 1 CPU"}, left_seconds=300.0)
    found = read(study.root, "s")
    assert found.seen[name].state == "running"
    text = "\n".join(paint(board(found, 100), coloured=False))
    assert "normal m_z=1 n_c=8 seed 1, epoch 20/40, 0.25 GPU, 1 CPU" in text
    assert "about 5 min left" in text and f"process {os.getpid()}" in text


@pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"id": "another"}])
def test_a_dead_launch_or_one_of_another_study_runs_nothing(study, change):
    study.launch(running={study.keys[0]: "1 CPU"})
    path = study.root / "launch.lock"
    write_json(path, json.loads(path.read_text()) | change)
    found = read(study.root, "s")
    assert found.activity is None and found.counts["running"] == 0
    assert ("has died" in found.owner) == ("pid" in change)


def test_a_listed_trial_is_the_same_after_its_json_form():
    trial = Listed("k", "normal", 1, 8, None, 3, 40, hours=0.5, gpus=0.25, begun=20, left=False)
    assert Listed(**json.loads(json.dumps(trial.to_dict()))) == trial


def test_with_and_without_a_plan_the_same_trials_are_listed(study):
    before = read(study.root, "s").trials
    study.plan()
    after = read(study.root, "s").trials
    named = [(t.name, t.line, t.m_z, t.n_c, t.seed, t.epochs) for t in before.values()]
    assert named == [(t.name, t.line, t.m_z, t.n_c, t.seed, t.epochs) for t in after.values()]
    # the default of Listed, not the plan's hours
    assert [t.hours for t in after.values()] == [0.0] * len(named)


def test_trials_of_the_same_widths_but_other_sources_have_their_own_lines(tmp_path):
    source = Source(real_share=0.0, pool="p", k=1)
    trials = [*grid(TRIAL), *grid(TRIAL, source=[source, Source(0.0, k=5, pool="p")])]
    found = read(Study(tmp_path / "r", trials).root, "s")
    assert [t.line for t in found.trials.values()] == ["normal", "dmaapx, k=1", "dmaapx, k=5"]


def test_what_is_no_study_is_refused_with_what_to_type(study, tmp_path):
    with pytest.raises(UsageError, match="no study 'z'. Known: s."):
        find(study.root, "z")
    with pytest.raises(UsageError, match="is not a folder. Give the results folder"):
        find(tmp_path / "nix", None)
    assert find(study.root / "s", None) == (study.root, ["s"])


def test_nothing_is_written_and_nothing_heavy_is_loaded(study):
    study.launch(running={study.keys[0]: "1 CPU"})
    before = {p: p.stat().st_mtime_ns for p in study.root.rglob("*")}
    script = (
        "import sys; from scaling.__main__ import _exit_code as run;"
        "sys.argv[1:] = ['status', sys.argv[1]]; run();"
        "sys.exit(', '.join({'torch', 'ray', 'numpy', 'pandas'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, study.root], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert {p: p.stat().st_mtime_ns for p in study.root.rglob("*")} == before


@pytest.mark.parametrize("row", [None, 3, [], {}, {"m_z": 1}])
def test_a_damaged_row_of_a_plan_is_replaced_by_the_trials_own_file(study, row):
    name, whole = study.keys[2], read(study.root, "s").trials
    rows = {key: trial.to_dict() for key, trial in whole.items()} | {name: row}
    write_json(study.root / "s" / "plan.json", {"format": 1, "trials": rows})
    trials = read(study.root, "s").trials
    assert list(trials) == list(whole)
    assert (trials[name].m_z, trials[name].n_c) == (whole[name].m_z, whole[name].n_c)


@pytest.mark.parametrize("entry", [None, 3, {}, {"epochs": "many"}])
def test_a_study_with_a_damaged_entry_is_refused_with_a_sentence(study, entry):
    path = study.root / "s" / "study.json"
    about = json.loads(path.read_text())
    write_json(path, about | {"trials": about["trials"] | {study.keys[0]: entry}})
    with pytest.raises(UsageError, match="study.json is damaged or lists no trials"):
        read(study.root, "s")
