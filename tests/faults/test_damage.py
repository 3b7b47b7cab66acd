"""P6: every state file truncated, emptied, deleted; what is lost is made again, and nothing else.

A finished trial is trained again only from where its rows are lost: without them it is not done.
"""

import os
import shutil
import sys

import pandas as pd
import pytest

from analysis import summarize
from analysis.results import load as load_frame
from scaling.cli import study as cli
from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.data.datasets import load
from scaling.runs import saver
from scaling.runs.execute import Job, execute
from scaling.runs.vae import VaeRun
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import VaeTrial, key
from studies.double_descent import PRESETS, trials
from tests.cluster.conftest import DRAWN
from tests.conftest import timeless

pytestmark = pytest.mark.faults
EPOCHS = 3
TRIAL = VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=45)
DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
    "foreign": lambda path: path.write_bytes(b"\x80\x04what is this\n"),
}
FILES = [
    "trial.json",
    "rows.jsonl",
    "checkpoint.pt",
    "checkpoint.prev.pt",
    "arrays.npz",
    "done.json",
]


@pytest.fixture(scope="module")
def control(tmp_path_factory, tiny):
    """Trains a trial to its end, and returns its folder."""
    folder = Store(tmp_path_factory.mktemp("control")).folder(key(TRIAL))
    folder.create(TRIAL)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(saver, "CHECKPOINT_SHARE", 1e9)
        execute(folder, tiny, Job(EPOCHS, 1), lambda row: None)
    return folder.path


@pytest.fixture
def finished(control, tmp_path, monkeypatch):
    """Copies a finished trial; returns it with its rows and the epochs trained from now on."""
    folder = TrialFolder(shutil.copytree(control, tmp_path / control.name))
    trained, train_epoch = [], VaeRun.train_epoch

    def noted(run):
        trained.append(run.epoch)
        return train_epoch(run)

    monkeypatch.setattr(VaeRun, "train_epoch", noted)
    return folder, [timeless(row) for row in folder.rows()], trained


def again(folder, data):
    """Executes the trial if it is not done, as a launch does."""
    folder.create(TRIAL)
    if folder.state(EPOCHS) != "done":
        execute(folder, data, Job(EPOCHS, 1), lambda row: None)
    return [timeless(row) for row in folder.rows()]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_trial_with_one_damaged_file_ends_with_the_same_rows(finished, tiny, name, damage):
    folder, rows, trained = finished
    DAMAGE[damage](folder.path / name)
    after = again(folder, tiny)
    assert folder.state(EPOCHS) == "done"
    assert after == rows
    there = 1 if damage == "truncated" else 0  # number of rows left; a checkpoint has the last one
    assert trained == ([] if name != "rows.jsonl" else [3] if there else [1, 2, 3])


@pytest.mark.parametrize("damage", DAMAGE)
def test_without_newest_checkpoint_and_done_json_the_previous_one_is_used(finished, tiny, damage):
    folder, rows, trained = finished
    for name in ("checkpoint.pt", "done.json"):
        DAMAGE[damage](folder.path / name)
    assert again(folder, tiny) == rows
    assert trained == [EPOCHS]  # continued from the previous checkpoint


@pytest.mark.parametrize("damage", DAMAGE)
def test_without_all_files_but_trial_json_the_trial_is_trained_again(finished, tiny, damage):
    folder, rows, trained = finished
    for name in FILES[1:]:
        DAMAGE[damage](folder.path / name)
    assert folder.state(EPOCHS) in ("new", "partial")
    assert again(folder, tiny) == rows
    assert trained == [1, 2, 3]


def launch(monkeypatch, capsys, results):
    """Runs the command again with nothing left to train; returns its exit code and output."""
    words = ["study.py", *DRAWN, "--results", str(results)]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr("ray.init", lambda **options: pytest.fail("Ray was started"))
    with pytest.raises(SystemExit) as stop:
        cli.main("double_descent", trials, PRESETS, summarize)
    return stop.value.code, "".join(capsys.readouterr())


@pytest.mark.slow
def test_damaged_files_of_a_study_are_made_again(tmp_path, monkeypatch, capsys):
    """They are made again from the trials, none of which is trained again."""
    asked = override(trials(PRESETS["smoke"]), parser("", PRESETS).parse_args(DRAWN))
    store, data = Store(tmp_path), load("digits")
    for trial in asked:
        folder = store.folder(key(trial))
        folder.create(trial)
        execute(folder, data, Job(4, 2), lambda row: None)
    study = tmp_path / "double_descent"
    assert launch(monkeypatch, capsys, tmp_path)[0] == 0
    expected = load_frame(study)
    for damage in DAMAGE.values():
        for path in (study / "study.json", study / "trials.parquet", folder.path / "arrays.npz"):
            damage(path)
        damage(next(study.glob("tensorboard/normal/*/*/events*")))
        damage(folder.path / "trial.json")
        (tmp_path / "launch.lock").write_bytes(b'{"pid"')
        os.utime(tmp_path / "launch.lock", (0, 0))
        code, printed = launch(monkeypatch, capsys, tmp_path)
        assert code == 0, printed
        assert "Traceback" not in printed
        pd.testing.assert_frame_equal(load_frame(study), expected)
        pd.testing.assert_frame_equal(load_frame(study / "trials.parquet"), expected)
        assert len(store.vaes()) == len(asked)
        assert not (tmp_path / "launch.lock").exists()
