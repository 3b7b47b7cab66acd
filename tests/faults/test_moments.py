"""P3: a trial killed while any of its files is half written finishes when run again."""

import os
import shutil
from pathlib import Path

import pytest

from scaling.runs import saver
from scaling.runs.execute import Job, execute
from scaling.runs.vae import VaeRun
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import key
from tests.conftest import timeless

pytestmark = pytest.mark.faults
EPOCHS = 3


@pytest.fixture
def trained(monkeypatch):
    """Records the epochs that this process trains, in order."""
    epochs = []
    train_epoch = VaeRun.train_epoch

    def noted(run):
        epochs.append(run.epoch)
        return train_epoch(run)

    monkeypatch.setattr(VaeRun, "train_epoch", noted)
    monkeypatch.setattr(saver, "CHECKPOINT_SHARE", 1e9)  # a checkpoint at every row
    return epochs


class Moments:
    """Copies a trial's folder at each step of writing its files, as a kill would leave it."""

    def __init__(self, folder, copies, trained):
        self.folder, self.copies, self.trained = folder, copies, trained
        self.begun = []  # for each copy the epoch that was being trained or written
        self.fsync, self.replace = os.fsync, os.replace

    def copy(self):
        path = self.copies / str(len(self.begun)) / self.folder.name
        shutil.copytree(self.folder, path)
        self.begun.append(self.trained[-1])
        return path

    def on_fsync(self, handle):
        """Copies the folder with the file written, and torn as by a kill during the write."""
        self.copy()
        written = Path(os.readlink(f"/proc/self/fd/{handle}"))
        torn = self.copy() / written.relative_to(self.folder)
        os.truncate(torn, torn.stat().st_size - 40)
        self.fsync(handle)

    def on_replace(self, source, target):
        self.copy()
        self.replace(source, target)
        self.copy()


def test_a_trial_killed_at_any_step_of_any_file_finishes(
    tmp_path, trial, tiny, trained, monkeypatch
):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    moments = Moments(folder.path, tmp_path / "copies", trained)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", moments.on_fsync)
        patched.setattr(os, "replace", moments.on_replace)
        execute(folder, tiny, Job(EPOCHS, 1), lambda row: None)
    expected = [timeless(row) for row in folder.rows()]
    # a row 2 copies, a checkpoint 2 + 2 for itself, 2 more for each rename; arrays and done 4 each
    assert len(moments.begun) == EPOCHS * 2 + (4 + 2) + (EPOCHS - 1) * (4 + 4) + 4 + 4

    for number, epoch in enumerate(moments.begun):
        left = TrialFolder(tmp_path / "copies" / str(number) / folder.key)
        trained.clear()
        if left.state(EPOCHS) != "done":
            execute(left, tiny, Job(EPOCHS, 1), lambda row: None)
        assert left.state(EPOCHS) == "done"
        assert [timeless(row) for row in left.rows()] == expected
        again = trained[0] if trained else EPOCHS + 1
        assert epoch <= again <= epoch + 1  # at most the epoch since the last checkpoint
        assert trained == list(range(again, EPOCHS + 1))
