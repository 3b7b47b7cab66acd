"""`--search`: planned trials, what a launch continues, the choice, and refused words."""

import json
import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from scaling.cli import search as command
from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.cli.planned import identify
from scaling.cli.selection import study_trials_of
from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial.schedule import Scheduled
from studies.double_descent import PRESETS, trials
from tests.made_up_training import Trained
from tests.narrow import not_none

ROOT = Path(__file__).parents[2]
SMALL = ("--m-z", "1", "--n-c", "2", "4", "--source", "normal")
LR = ("--search", "lr=log:1e-4:1e-2")


def work(*words, preset="smoke", epochs=None):
    options = parser("", PRESETS).parse_args([*SMALL, *words])
    chosen = PRESETS[preset]
    asked = override(trials(chosen), options)
    return study_trials_of(options, chosen, asked, epochs or chosen.epochs, identify(options))


def study(*words, results):
    line = [sys.executable, str(ROOT / "studies" / "double_descent.py"), "--results", str(results)]
    return subprocess.run([*line, *words], capture_output=True, text=True, env=os.environ)


def peaked(best):
    """Returns a validation ELBO that grows over epochs and has its maximum at a rate."""
    return lambda trial, epoch: -100 / epoch - abs(trial.lr - best[trial.n_c]) * 1e4


def chosen(record):
    """Returns the chosen lr by n_c, from the keys of the trials."""
    points = [point for cell in record["search"]["cells"] for point in cell if point["chosen"]]
    return {
        key.split("-nc")[1].partition("-")[0]: p["values"]["lr"]
        for p in points
        for key in p["keys"]
    }


def test_the_plan_of_more_samples_keeps_the_keys(tmp_path):
    keys = {}
    for samples in ("8", "16"):
        words = ["--smoke-test", *SMALL, *LR, "--samples", samples, "--dry-run", "--json"]
        done = study(*words, results=tmp_path)
        assert done.returncode == 0, done.stderr
        keys[samples] = [row["key"] for row in json.loads(done.stdout)["trials"]]
    assert keys["16"][: len(keys["8"])] == keys["8"]
    assert len(set(keys["16"])) == 2 * len(keys["8"]) == 16 * 2 * 2  # cells, replicates


def test_every_point_is_trained_in_every_replicate_of_every_cell():
    found = work(*LR, "--samples", "4").scheduled
    assert len(found) == 4 * 2 * 2
    assert len({item.trial.lr for item in found}) == 4
    assert {item.epochs for item in found} == {4}


@pytest.mark.parametrize("over", ["cells", "all"])
def test_halving_trains_the_best_of_validation_to_the_end(tmp_path, over):
    searching = work(*LR, "--samples", "9", "--halving", "3", "--search-over", over, epochs=36)
    tried = sorted({item.trial.lr for item in searching.scheduled})
    best = {2: tried[6], 4: tried[6] if over == "all" else tried[2]}
    there = Trained(tmp_path, peaked(best), test=lambda trial, epoch: 1e6 * trial.lr)
    assert there.run(searching) == len(searching.ladder) == 3
    found = chosen(searching.record(there.store))
    assert found == {"2": best[2], "4": best[4]}
    ends = [searching.ladder[at].epochs for at in range(3)]
    assert there.epochs == 2 * 2 * (9 * ends[0] + 3 * (ends[1] - ends[0]) + (ends[2] - ends[1]))


def test_the_test_set_does_not_change_the_choice(tmp_path):
    """A test ELBO that prefers the opposite gives the same record."""
    records = []
    for name, sign in (("a", 1e6), ("b", -1e6)):
        searching = work(*LR, "--samples", "9", "--halving", "3", epochs=36)
        test = partial(lambda trial, epoch, sign: sign * trial.lr, sign=sign)
        there = Trained(tmp_path / name, peaked({2: 1e-3, 4: 3e-3}), test)
        there.run(searching)
        records.append(searching.record(there.store))
    assert records[0] == records[1]


def test_more_samples_reuse_trained_trials(tmp_path):
    score = peaked({2: 1e-3, 4: 3e-3})
    there, whole = Trained(tmp_path / "a", score), Trained(tmp_path / "b", score)
    there.run(work(*LR, "--samples", "8", "--halving", "2", epochs=32))
    before = {path.name: path.stat().st_mtime_ns for path in there.store.root.glob("trials/*/r*")}
    more = work(*LR, "--samples", "16", "--halving", "2", epochs=32)
    assert there.run(more)
    whole.run(work(*LR, "--samples", "16", "--halving", "2", epochs=32))
    assert chosen(more.record(there.store)) == chosen(more.record(whole.store))
    assert before
    assert there.launch(more.now(there.store)) is False
    spent = there.epochs
    assert not there.run(work(*LR, "--samples", "16", "--halving", "2", epochs=32))
    assert there.epochs == spent


def test_a_kill_between_trials_changes_nothing(tmp_path):
    words = (*LR, "--samples", "8", "--halving", "2")
    score = peaked({2: 1e-3, 4: 3e-3})
    whole, cut = Trained(tmp_path / "a", score), Trained(tmp_path / "b", score)
    whole.run(work(*words, epochs=32))
    rng = random.Random(0)
    while True:  # each launch dies after a few of its trials
        searching = work(*words, epochs=32)
        left = [i for i in searching.now(cut.store) if cut.folder(i).state(i.epochs) != "done"]
        if not left:
            break
        cut.launch(rng.sample(left, min(3, len(left))))
    assert searching.record(cut.store) == searching.record(whole.store)
    assert cut.epochs == whole.epochs


def test_a_point_that_failed_in_one_replicate_is_not_chosen(tmp_path):
    searching = work(*LR, "--samples", "9", "--halving", "3", epochs=36)
    best = max(item.trial.lr for item in searching.scheduled)
    there = Trained(
        tmp_path, peaked({2: best, 4: best}), failing=lambda t: t.lr == best and t.replicate == 1
    )
    there.run(searching)
    record = searching.record(there.store)
    assert best not in chosen(record).values()
    assert set(chosen(record)) == {"2", "4"}
    lost = [p for cell in record["search"]["cells"] for p in cell if p["values"]["lr"] == best]
    assert [list(point["scores"].values()) for point in lost] == [[None], [None]]
    json.dumps(record, allow_nan=False)


def test_study_json_records_how_points_were_chosen(tmp_path):
    searching = work(*LR, "--samples", "9", "--halving", "3", epochs=36)
    there = Trained(tmp_path, peaked({2: 1e-3, 4: 3e-3}))
    there.run(searching)
    search = searching.record(there.store)["search"]
    assert search["ranges"] == {"lr": "log:1e-4:1e-2"}
    assert (search["samples"], search["halving"], search["over"]) == (9, 3, "cells")
    assert "Sobol" in search["points"]
    assert "validation_elbo" in search["chosen_by"]
    assert [rung["points"] for rung in search["rungs"]] == [9, 3, 1]
    for cell in search["cells"]:
        assert sum(point["chosen"] for point in cell) == 1
        ends = sorted(point["epochs"] for point in cell)
        assert ends == sorted(
            [search["rungs"][0]["epochs"]] * 6 + [search["rungs"][1]["epochs"]] * 2 + [36]
        )
        assert all(len(point["keys"]) == 2 for point in cell)


def test_the_plan_leaves_out_the_epochs_that_halving_saves(tmp_path):
    searching = work(*LR, "--samples", "9", "--halving", "3", epochs=36)
    expected = searching.expected(Store(tmp_path))
    ends = [rung.epochs for rung in searching.ladder]
    assert sorted(item.epochs for item in expected) == sorted(
        4 * ([ends[0]] * 6 + [ends[1]] * 2 + [ends[2]])
    )
    assert {item.epochs for item in searching.now(Store(tmp_path))} == {ends[0]}


@pytest.mark.parametrize(("words", "message"), [
    (["--search", "lr=log:1e-2:1e-4"], "reversed"),
    (["--search", "lr=log:1e-2:1e-2"], "range is empty"),
    (["--search", "lr=log:0:1e-2"], "must begin above 0"),
    (["--search", "network=lin:0:1"], "takes no numbers"),
    (["--search", "m_z=int:1:4"], "both set m_z"),
    ([*LR, "--set", "lr=1e-3"], "both set lr"),
    ([*LR, "--samples", "100000"], "more than 1024"),
    ([*LR, "--samples", "0"], "--samples: '0' is not a whole number at least 1"),
    ([*LR, "--halving", "1"], "--halving: '1' is not a whole number at least 2"),
    ([*LR, "--halving", "0"], "--halving: '0' is not a whole number at least 2"),
    ([*LR, "--search-over", "cell"], "Did you mean 'cells'"),
    (["--samples", "4"], "--samples needs --search"),
    (["--halving", "3"], "--halving needs --search"),
    (["--search-over", "all"], "--search-over needs --search"),
    ([*LR, "--lr-from", "learning_rate"], "--search and --lr-from"),
    ([*LR, "--set", "partition=train_and_test"], "--set partition=disjoint"),
    (["--search", "lr=log:1e-4:1e-2", "lr=lin:1:2"], "lr twice"),
])  # fmt: skip
def test_bad_input_is_refused_in_a_sentence(words, message):
    with pytest.raises(UsageError) as error:
        work(*words)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_axis_of_the_study_cannot_be_searched():
    chosen, options = PRESETS["smoke"], parser("", PRESETS).parse_args(["--search", "m_z=int:1:64"])
    with pytest.raises(UsageError, match="m_z already is an axis of this study"):
        study_trials_of(options, chosen, trials(chosen), 4, identify(options))


def test_bad_input_ends_before_anything_starts(tmp_path):
    done = study("--search", "lr=log:1e-2:1e-4", results=tmp_path / "none")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_without_validation_all_points_of_other_kinds_are_trained(tmp_path):
    from studies import diffusion

    preset = diffusion.PRESETS["smoke"]
    options = parser("", diffusion.PRESETS).parse_args([*LR, "--samples", "3"])
    searching = study_trials_of(options, preset, diffusion.trials(preset), 2, identify(options))
    assert len({item.trial.lr for item in searching.now(Store(tmp_path))}) == 3
    assert not_none(searching.record(Store(tmp_path))["search"])["chosen_by"] is None
    options.halving = 3
    with pytest.raises(UsageError, match="a diffusion trial does not have"):
        study_trials_of(options, preset, diffusion.trials(preset), 2, identify(options))


def test_costly_metrics_are_measured_only_of_points_that_reach_the_end():
    trial = trials(PRESETS["smoke"])[0]
    whole = Scheduled(trial, 80, 16, metrics=("psnr",), kept_epochs=(20, 40, 80))
    cut = command._until(whole, 40)
    assert (cut.epochs, cut.metrics, cut.kept_epochs) == (40, (), (20, 40))
    assert command._until(whole, 80) is whole
