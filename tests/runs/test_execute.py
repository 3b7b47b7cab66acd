"""One trial from start to end, and from every state in which a kill can leave it."""

import json
from dataclasses import replace

import pytest
import torch

from scaling.data.datasets import split
from scaling.runs import saver
from scaling.runs.diffusion import sample_images
from scaling.runs.execute import Job, _hardware, execute
from scaling.runs.vae import VaeRun
from scaling.storage import checkpoints
from scaling.storage.provenance import code
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial, key
from scaling.trial.hardware import hardware
from tests.conftest import timeless
from tests.narrow import not_none


@pytest.fixture(autouse=True)
def checkpoint_at_every_row(monkeypatch):
    monkeypatch.setattr(saver, "CHECKPOINT_SHARE", 1e9)


def run(root, trial, data, epochs, stop_at=None, every=1):
    """Executes the trial; `stop_at` kills it right after the row of that epoch was reported."""
    folder = Store(root).folder(key(trial))
    folder.create(trial)
    reported = []

    def report(row):
        reported.append(row["epoch"])
        if row["epoch"] == stop_at:
            raise KeyboardInterrupt

    try:
        execute(folder, data, Job(epochs, every), report)
    except KeyboardInterrupt:
        if not stop_at:
            raise
    return folder, reported


def rows(folder):
    return [timeless(row) for row in folder.rows()]


@pytest.fixture
def expected(tmp_path, trial, tiny):
    folder, _ = run(tmp_path / "control", trial, tiny, 4)
    return rows(folder)


def test_a_trial_has_its_rows_arrays_and_done_json(tmp_path, trial, tiny, expected):
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == [1, 2, 3, 4]
    assert folder.state(4) == "done"
    assert rows(folder) == expected
    assert folder.done()["torch"] == torch.__version__
    assert folder.done()["code"] == code()
    assert (folder.path / "arrays.npz").exists()


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
def test_a_trial_killed_before_the_checkpoint_of_a_row_continues(
    tmp_path, trial, tiny, expected, stop_at
):
    run(tmp_path, trial, tiny, 4, stop_at)
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == list(range(stop_at, 5))
    assert rows(folder) == expected
    assert folder.state(4) == "done"


def test_a_trial_killed_before_done_json_is_not_trained_again(tmp_path, trial, tiny, expected):
    folder, _ = run(tmp_path, trial, tiny, 4)
    (folder.path / "done.json").unlink()
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == []
    assert rows(folder) == expected
    assert folder.state(4) == "done"


@pytest.mark.parametrize("damage", ["truncated", "missing", "foreign"])
def test_a_damaged_checkpoint_costs_the_steps_since_the_previous(
    tmp_path, trial, tiny, expected, damage
):
    folder, _ = run(tmp_path, trial, tiny, 3)
    newest = folder.path / "checkpoint.pt"
    if damage == "truncated":
        newest.write_bytes(newest.read_bytes()[:1000])
    elif damage == "missing":
        newest.unlink()
    else:
        torch.save({"epoch": 3, "vae": {}, "optimizer": {}}, newest)
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == [3, 4]
    assert rows(folder) == expected


def test_a_checkpoint_that_loads_in_part_leaves_nothing_behind(tmp_path, trial, tiny, expected):
    folder, _ = run(tmp_path, trial, tiny, 3)
    state = torch.load(folder.path / "checkpoint.pt", weights_only=True)
    state["optimizer"]["param_groups"][0]["params"] = [0]  # the weights before it fit
    torch.save(state, folder.path / "checkpoint.pt")
    (folder.path / "checkpoint.prev.pt").unlink()
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == [1, 2, 3, 4]
    assert rows(folder) == expected


def test_without_any_checkpoint_a_trial_starts_again(tmp_path, trial, tiny, expected):
    folder, _ = run(tmp_path, trial, tiny, 4)
    for name in ("checkpoint.pt", "checkpoint.prev.pt", "done.json"):
        (folder.path / name).write_bytes(b"")
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == [1, 2, 3, 4]
    assert rows(folder) == expected


def test_a_lost_last_row_is_restored_from_the_checkpoint(tmp_path, trial, tiny, expected):
    folder, _ = run(tmp_path, trial, tiny, 4)
    text = (folder.path / "rows.jsonl").read_text()
    (folder.path / "rows.jsonl").write_text(text[:-30])
    assert folder.state(4) == "partial"
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == []
    assert rows(folder) == expected


def test_more_epochs_continue_the_trial(tmp_path, trial, tiny, expected):
    run(tmp_path, trial, tiny, 2)
    folder, reported = run(tmp_path, trial, tiny, 4)
    assert reported == [3, 4]
    assert rows(folder) == expected


def test_a_run_that_got_further_is_kept(tmp_path, trial, tiny, expected):
    folder, _ = run(tmp_path, trial, tiny, 4)
    (folder.path / "done.json").unlink()
    folder, reported = run(tmp_path, trial, tiny, 2)
    assert reported == []
    assert folder.state(2) == folder.state(4) == "done"
    assert rows(folder) == expected


@pytest.fixture
def between(monkeypatch):
    """Saves checkpoints after every epoch, and kills a trial in an epoch without a row."""
    monkeypatch.setattr(saver, "BETWEEN_SECONDS", 0)
    train_epoch, trained = VaeRun.train_epoch, []

    def killed_at(epoch):
        def train(self):
            if self.epoch == epoch:
                raise KeyboardInterrupt
            trained.append(self.epoch)
            return train_epoch(self)

        monkeypatch.setattr(VaeRun, "train_epoch", train)
        return trained

    return killed_at


@pytest.mark.parametrize("epoch", [2, 4, 5, 7])
def test_a_trial_killed_between_distant_rows_continues_from_a_checkpoint(
    tmp_path, trial, tiny, between, epoch
):
    """There are rows at 3, 6 and, near the end, 7 and 8."""
    folder, _ = run(tmp_path / "control", trial, tiny, 8, every=3)
    expected = rows(folder)
    trained = between(epoch)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, trial, tiny, 8, every=3)
    between(None)
    folder, _ = run(tmp_path, trial, tiny, 8, every=3)
    assert trained == list(range(1, 9))  # no epoch is trained twice
    assert rows(folder) == expected
    assert folder.state(8) == "done"


@pytest.mark.parametrize("epoch", [3, 6])
def test_a_killed_run_with_enough_epochs_is_not_trained_further(
    tmp_path, trial, tiny, between, epoch
):
    between(epoch)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, trial, tiny, 8, every=4)
    trained = between(None)
    folder, _ = run(tmp_path, trial, tiny, 1, every=4)
    assert folder.state(1) == "done"
    assert trained == list(range(1, epoch))
    run(tmp_path, trial, tiny, 8, every=4)
    assert trained == list(range(1, 9))
    assert folder.state(8) == "done"


def test_a_killed_run_beyond_the_requested_epochs_goes_back_to_a_row(
    tmp_path, trial, tiny, between
):
    """The rows were at 4 and 8, the kill in epoch 7; then 5 epochs are requested."""
    between(7)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, trial, tiny, 8, every=4)
    between(None)
    folder, _ = run(tmp_path, trial, tiny, 5, every=4)
    assert folder.state(5) == "done"
    assert [row["epoch"] for row in folder.rows()] == [4, 6]


def test_each_epoch_without_a_row_is_a_sign_of_life(tmp_path, trial, tiny):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    signs = []
    execute(folder, tiny, Job(8, 4), lambda row: None, beat=lambda: signs.append("alive"))
    assert len(signs) == 8 - len(folder.rows())


def test_a_diffusion_models_weights_are_kept_however_long_it_trains(tmp_path, tiny):
    trial = DiffusionTrial("digits", 45, channels=8, multipliers=(1,), blocks=1, attention=())
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    for epochs in (2, 5):
        execute(folder, tiny, Job(epochs, 1, kept_epochs=(epochs,)), lambda row: None)
    state = checkpoints.at(folder.path, 2)
    assert set(not_none(state)) & {"averaged", "model", "optimizer"} == {"averaged"}
    assert sample_images(trial, not_none(state), [0], (1, 8, 8), 17).shape == (1, 1, 8, 8)
    trained = split(tiny, trial.train_size, trial.split)
    assert {row["fingerprint"] for row in folder.rows()} == {trained.fingerprint}


def test_an_infinite_elbo_is_a_failure_with_a_reason(tmp_path, trial, tiny):
    folder, _ = run(tmp_path, replace(trial, lr=1e30), tiny, 4)
    assert folder.state(4) == "failed"
    assert "smaller lr" in folder.done()["error"]
    assert folder.done()["code"] == code()
    for line in (folder.path / "rows.jsonl").read_text().splitlines() if folder.rows() else []:
        assert "NaN" not in line
        json.loads(line)


def test_a_trial_records_what_it_ran_on(tmp_path, trial, tiny, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"H200 of {device}")
    assert _hardware(torch.device("cuda")) == "H200 of cuda"
    assert run(tmp_path, trial, tiny, 1)[0].done()["hardware"] == hardware(on_gpu=False)[0]
