"""Epochs that trials have passed without measuring them are refused before anything runs."""

import json
from dataclasses import replace
from functools import partial

import pytest

from scaling.cli.passed_epochs import check_measured
from scaling.cli.study_trials import StudyTrials
from scaling.errors import UsageError
from scaling.presets import DIGITS_EDM
from scaling.storage.store import Store
from scaling.trial import DMAAPX, VaeTrial, grid
from scaling.trial.schedule import Diffusion, schedule
from tests.cli.test_search import LR, study, work
from tests.made_up_training import Trained

TRIALS = grid(VaeTrial("digits", n_c=2, partition="disjoint"), seed=[0, 1])
MODEL = Diffusion(DIGITS_EDM, epochs=3, k=2)


def asked(trials, epochs, every, diffusion=None):
    return StudyTrials(
        trials, partial(schedule, epochs=epochs, measure_every=every, diffusion=diffusion)
    )


@pytest.fixture
def there(tmp_path):
    return Trained(tmp_path, lambda trial, epoch: -100.0 / epoch)


def refusal(study_trials, store, epochs):
    with pytest.raises(UsageError) as error:
        check_measured(study_trials, store, epochs)
    return str(error.value)


def test_a_passed_epoch_without_a_row_is_refused_with_those_that_have_one(there):
    there.launch(asked(TRIALS, 40, 8).scheduled)
    fewer = asked([*TRIALS, replace(TRIALS[0], lr=0.1)], 15, 5)
    said = refusal(fewer, there.store, 15)
    assert said.startswith(f"{fewer.scheduled[0].key} and 1 more cannot go back to epoch 15, ")
    assert "There are rows of epochs 8, 16, 24, 32, 38, ... 40. " in said
    assert "Give --epochs 8 or --epochs 16 or --epochs 40, or another --results folder." in said
    for epochs in (8, 16, 40, 50):
        check_measured(asked(TRIALS, epochs, 5), there.store, epochs)


def test_the_advice_suits_all_trials_of_the_study(there):
    there.launch(asked(TRIALS[:1], 40, 8).scheduled)
    there.launch(asked(TRIALS[1:], 20, 20).scheduled)
    said = refusal(asked(TRIALS, 15, 5), there.store, 15)
    assert "Give --epochs 24 or --epochs 40, or another --results" in said
    check_measured(asked(TRIALS, 24, 8), there.store, 24)


def test_trials_measured_later_only_are_refused(there):
    there.launch(asked(TRIALS, 10, 10).scheduled)
    said = refusal(asked(TRIALS, 5, 5), there.store, 5)
    assert "There are rows of epoch 10. Give --epochs 10, or another --results folder." in said


def test_a_trial_that_ended_early_or_failed_later_is_asked_for_the_row_too(there):
    for end in ({"censored": "collapsed"}, {}):
        (one,) = asked(TRIALS[:1], 20, 8).scheduled
        folder = there.folder(one)
        folder.create(one.trial)
        folder.append_row({"epoch": 8})
        folder.append_row({"epoch": 18})
        folder.finish(18, **end) if end else folder.fail("nan")
        assert "cannot go back to epoch 15" in refusal(asked([one.trial], 15, 5), there.store, 15)
        check_measured(asked([one.trial], 30, 5), there.store, 30)


def test_a_lost_row_that_is_listed_is_no_refusal(there):
    (one,) = asked(TRIALS[:1], 20, 5).scheduled
    there.launch([one])
    done = there.folder(one).path / "done.json"
    done.write_text(json.dumps(json.loads(done.read_text()) | {"rows": [5, 10, 15, 18, 20]}))
    rows = there.folder(one).path / "rows.jsonl"
    lines = rows.read_text().splitlines(keepends=True)
    rows.write_text("".join(line for line in lines if json.loads(line)["epoch"] != 10))
    check_measured(asked([one.trial], 10, 5), there.store, 10)


def test_a_presets_diffusion_model_gets_no_advice_about_the_studys_epochs(there):
    reader = replace(TRIALS[0], source=DMAAPX)
    model, _ = asked([reader], 10, 5, MODEL).scheduled
    there.launch([replace(model, epochs=8, measure_every=8, kept_epochs=())])
    said = refusal(asked([reader], 10, 5, MODEL), there.store, 10)
    assert "cannot go back to epoch 3" in said
    assert said.endswith(
        "Give another --results folder, or the flags with which they were trained."
    )


def test_a_search_refuses_points_without_the_row_of_a_rung(there):
    searching = work(*LR, "--samples", "9", "--halving", "3", epochs=36)
    assert [rung.epochs for rung in searching.ladder] == [4, 12, 36]
    check_measured(searching, there.store, 36)
    there.launch([replace(searching.scheduled[0], epochs=40, measure_every=36)])
    said = refusal(searching, there.store, 36)
    assert "cannot go back to epoch 4, which was not measured. There are rows of epochs 36" in said


def test_the_command_and_its_plan_refuse_it(tmp_path):
    words = ["--smoke-test", "--m-z", "1", "--n-c", "2", "--source", "normal"]
    planned = json.loads(study(*words, "--dry-run", "--json", results=tmp_path).stdout)["trials"]
    for row in planned:
        folder = Store(tmp_path).folder(row["key"])
        folder.path.mkdir(parents=True)
        folder.append_row({"epoch": 10})
        folder.finish(10)
    for more in ([], ["--dry-run"]):
        done = study(*words, *more, results=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
        assert "Give --epochs 10, or another --results folder." in done.stderr
    assert study(*words, "--epochs", "10", "--dry-run", results=tmp_path).returncode == 0
