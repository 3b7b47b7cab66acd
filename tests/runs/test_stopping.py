"""Early stopping: the rule of a trial, resuming, the record, and means that leave it out."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from analysis import curves, figures, results
from analysis.errors import ResultsError
from analysis.storage.compact import compact
from scaling.errors import UsageError
from scaling.runs import stopping, vae
from scaling.runs.execute import Job, execute, make_run
from scaling.runs.stopping import StopRule, mean_kl
from scaling.storage import checkpoints
from scaling.storage.store import Store
from scaling.trial import key
from tests.conftest import assert_same_state, timeless


@pytest.fixture
def hopeless(trial):
    """Makes a trial that its own rule calls collapsed after three epochs."""
    return replace(trial, stop_when="collapsed", stop_after=3, stop_kl=1e6)


def run_of(trial, tiny, epochs=8):
    return make_run(trial, tiny, Job(epochs, 4), None)


def test_a_trial_without_a_rule_trains_to_its_end(trial, tiny):
    run = run_of(trial, tiny)
    rows = list(run)
    assert rows[-1]["epoch"] == 8 and "censored" not in rows[-1]
    assert set(run.parts) == {"vae", "optimizer"}


def test_a_rule_that_never_applies_changes_no_number(trial, tiny):
    watched = replace(trial, stop_when="either", stop_kl=1e-9)
    plain, same = list(run_of(trial, tiny)), list(run_of(watched, tiny))
    assert list(map(timeless, plain)) == list(map(timeless, same))
    assert key(watched) != key(trial)


def test_a_collapsed_trial_ends_with_a_row_that_says_so(hopeless, tiny):
    run = run_of(hopeless, tiny)
    rows = list(run)
    assert [row["epoch"] for row in rows] == [3]
    assert rows[0]["censored"] == "collapsed"
    assert list(run) == []  # the run does not continue


def test_a_resumed_run_ends_where_the_other_does(hopeless, tiny):
    whole = run_of(hopeless, tiny)
    list(whole)
    half = run_of(hopeless, tiny, epochs=2)
    list(half)
    resumed = run_of(hopeless, tiny)
    resumed.load_state_dict(half.state_dict())
    rows = list(resumed)
    assert [row["epoch"] for row in rows] == [3]
    left, right = (dict(run.state_dict()) for run in (whole, resumed))
    for state in (left, right):
        for name in ("seconds", "last_row"):
            state.pop(name)
    assert_same_state(left.pop("rule"), right.pop("rule"))
    assert left.pop("stopped") == right.pop("stopped") == "collapsed"
    assert_same_state(left, right)


def test_mean_kl_is_the_closed_form(trial, tiny):
    run = run_of(trial, tiny)
    images = run.train[:7]
    with torch.no_grad():
        run.vae.eval()
        q = run.vae.encode(images).base_dist
        each = 0.5 * (q.mean**2 + q.stddev**2 - 1 - 2 * q.stddev.log())
    run.vae.train()
    state = torch.get_rng_state()
    assert mean_kl(run.vae, images) == pytest.approx(each.flatten(1).sum(1).mean().item(), rel=1e-5)
    assert run.vae.training and torch.equal(state, torch.get_rng_state())


def verdicts(monkeypatch, trial, kls, losses):
    rule = StopRule(trial)
    values = iter(kls)
    monkeypatch.setattr(stopping, "mean_kl", lambda vae, images: next(values))
    unused: Any = None
    return [rule(epoch, loss, unused, torch.zeros(1)) for epoch, loss in enumerate(losses, 1)]


def test_a_trial_that_recovers_is_not_ended(trial, monkeypatch):
    """Two of the last three epochs are collapsed, again and again."""
    patient = replace(trial, stop_when="collapsed", stop_after=3)
    lines = verdicts(monkeypatch, patient, [0, 0, 1] * 4, [1.0] * 12)
    assert lines == [""] * 12
    lines = verdicts(monkeypatch, patient, [0, 0, 1, 0, 0, 0], [1.0] * 6)
    assert lines == [""] * 5 + ["collapsed"]


def test_diverged_means_several_epochs_in_a_row_worse_than_the_first(trial, monkeypatch):
    patient = replace(trial, stop_when="diverged", stop_after=2)
    losses = [100, 90, 101, 99, 100, 101, 102]
    assert verdicts(monkeypatch, patient, [], losses) == [""] * 6 + ["diverged"]


def test_epochs_of_noise_do_not_count(trial, monkeypatch):
    """Mollified images begin as noise, for which a code of nothing is right."""
    noisy = replace(
        trial, stop_when="either", stop_after=2, source=replace(trial.source, mollify_epochs=4)
    )
    lines = verdicts(monkeypatch, noisy, [0, 0, 0], [1, 2, 3, 4, 50, 60, 70])
    assert lines == [""] * 5 + ["collapsed", "collapsed"]


def trained(root, trial, digits, epochs=6):
    folder = Store(root).folder(key(trial))
    folder.create(trial)
    execute(folder, digits, Job(epochs, 2), lambda row: None)
    return folder


def test_a_trial_that_ended_early_is_not_trained_again(hopeless, digits, tmp_path):
    folder = trained(tmp_path, hopeless, digits)
    done = json.loads((folder.path / "done.json").read_text())
    assert (done["epoch"], done["censored"], done["state"]) == (3, "collapsed", "done")
    assert [folder.state(epochs) for epochs in (2, 3, 6, 600)] == ["done"] * 4
    before = (folder.path / "rows.jsonl").read_bytes()
    execute(folder, digits, Job(600, 2), lambda row: None)
    assert (folder.path / "rows.jsonl").read_bytes() == before


def test_a_trial_killed_before_done_json_ends_with_the_same_row(hopeless, digits, tmp_path):
    folder = trained(tmp_path, hopeless, digits)
    (folder.path / "done.json").unlink()
    assert folder.state(6) == "partial"
    trained(tmp_path, hopeless, digits)
    assert folder.done()["censored"] == "collapsed"
    assert [row["epoch"] for row in folder.rows()] == [2, 3]
    (folder.path / "rows.jsonl").write_bytes(b"")
    assert folder.state(6) == "partial"  # the checkpoint has the row
    trained(tmp_path, hopeless, digits)
    assert folder.rows()[-1]["censored"] == "collapsed"
    assert checkpoints.epochs(folder.path)


@pytest.mark.parametrize(("rule", "state"), [("diverged", "done"), ("never", "failed")])
def test_a_loss_that_is_not_finite_is_divergence_if_the_rule_says_so(
    trial, digits, tmp_path, monkeypatch, rule, state
):
    monkeypatch.setattr(
        vae.VaeRun, "train_epoch", lambda run: math.nan if run.epoch == 3 else 10.0 - run.epoch
    )
    folder = trained(tmp_path, replace(trial, stop_when=rule), digits)
    done = folder.done()
    assert done["state"] == state and "no longer finite in epoch 3" in done["error"]
    assert done.get("censored") == ("diverged" if state == "done" else None)
    assert folder.state(6) == state


def test_means_leave_out_ended_trials_and_figures_name_them(hopeless, trial, digits, tmp_path):
    trained(tmp_path, hopeless, digits)
    frame = results.load(tmp_path)
    assert set(frame["state"]) == {"censored"} and set(frame["censored"]) == {"collapsed"}
    with pytest.raises(ResultsError, match="No VAE trial is finished"):
        curves.final(frame)
    trained(tmp_path, trial, digits)
    both = results.load(tmp_path)
    finals = curves.final(both)
    assert list(finals["stop_when"]) == ["never"]
    (lines,) = figures.ended_early(both)
    assert "1 collapsed (normal, m_z=1, n_c=2)" in lines and "not in any mean" in lines
    assert figures.ended_early(both[both["state"] == "done"]) == []
    again = compact(tmp_path, both, tmp_path / "all.parquet")
    assert figures.ended_early(results.load(again)) == [lines]


def test_fields_that_no_rule_reads_are_refused(trial):
    with pytest.raises(UsageError, match="stop_after=5 is read with stop_when collapsed"):
        replace(trial, stop_after=5)
    with pytest.raises(UsageError, match=r"stop_kl=1.0 is read with stop_when"):
        replace(trial, stop_when="diverged", stop_kl=1.0)
    with pytest.raises(UsageError, match="stop_after=0 is not at least 1"):
        replace(trial, stop_when="either", stop_after=0)
    with pytest.raises(UsageError, match="stop_kl=0.0 is not above 0"):
        replace(trial, stop_when="either", stop_kl=0.0)
    with pytest.raises(UsageError, match="stop_when"):
        replace(trial, stop_when="always")


def test_the_rule_does_not_change_the_planned_architecture(hopeless, trial):
    assert hopeless.architecture == trial.architecture
