"""`--lr-from`: learning rates chosen by validation in a finished study, and refusals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.cli.planned import identify
from scaling.cli.selection import study_trials_of
from scaling.errors import UsageError
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key
from studies import double_descent, learning_rate

ROOT = Path(__file__).parents[2]
CELLS = ("--m-z", "1", "--n-c", "2", "4")
BEST = {2: 1e-2, 4: 1e-3}


def planned(module, *words, preset="smoke"):
    options = parser("", module.PRESETS).parse_args(list(words))
    chosen = module.PRESETS[preset]
    asked = override(module.trials(chosen), options)
    return study_trials_of(options, chosen, asked, chosen.epochs, identify(options))


def fill(root, *words, state="done", validation=True):
    """Writes the study learning_rate, finished; the test ELBO prefers another rate in each cell."""
    store, asked = Store(root), {}
    for item in planned(learning_rate, *CELLS, *words).scheduled:
        folder, trial = store.folder(item.key), item.trial
        folder.create(trial)
        score = 0.0 if trial.lr == BEST[trial.n_c] else -10.0
        row = {"epoch": item.epochs, "test_elbo": -score, "train_elbo": 0.0}
        folder.append_row(row | ({"validation_elbo": score} if validation else {}))
        if state == "done":
            folder.finish(item.epochs)
        asked[item.key] = {"epochs": item.epochs}
    store.update_study("learning_rate", lambda study: study | {"trials": asked})
    return root


def tuned(root, *words):
    return planned(
        double_descent, *CELLS, *words, "--lr-from", "learning_rate", "--results", str(root)
    )


def test_every_cell_is_trained_at_the_fixed_and_at_its_best_rate(tmp_path):
    work = tuned(fill(tmp_path))
    normal = [
        i.trial for i in work.scheduled if i.trial.kind == "vae" and i.trial.source.name == "normal"
    ]
    fixed = double_descent.PRESETS["smoke"].base.lr
    assert {(t.n_c, t.lr) for t in normal} == {(n, lr) for n in BEST for lr in (fixed, BEST[n])}
    for n_c in BEST:
        assert {t.replicate for t in normal if t.n_c == n_c} == {0, 1}


def test_rates_of_a_file_of_ones_own_are_found_by_its_content(tmp_path):
    """The file may be renamed after the study of rates, but not changed."""
    first, later = tmp_path / "images.npz", tmp_path / "renamed.npz"
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    np.savez(first, images=images)
    fill(tmp_path / "results", "--dataset", str(first), "--train-size", "10")
    first.rename(later)
    asked = ("--dataset", str(later), "--train-size", "10")
    fixed, found = VaeTrial.lr, tuned(tmp_path / "results", *asked)
    trials = [item.trial for item in found.scheduled if isinstance(item.trial, VaeTrial)]
    assert {(t.n_c, t.lr) for t in trials} == {(n, lr) for n in BEST for lr in (fixed, BEST[n])}
    np.savez(later, images=images[::-1])
    with pytest.raises(UsageError, match="has no rate"):
        tuned(tmp_path / "results", *asked)


def test_what_both_studies_train_is_trained_once(tmp_path):
    work = tuned(fill(tmp_path), "--source", "normal")
    states = Store(tmp_path).states(work.now(Store(tmp_path)))
    assert set(states.values()) == {"done"}


def test_other_sources_take_the_rates_of_normal_training_with_a_note(tmp_path):
    work = tuned(fill(tmp_path), "--source", "dmaapx")
    vaes = [item.trial for item in work.scheduled if item.trial.kind == "vae"]
    assert {t.lr for t in vaes if t.n_c == 4} == {double_descent.PRESETS["smoke"].base.lr, BEST[4]}
    assert work.notes()[-1] == "rates of dmaapx: those of normal training"


def test_study_json_records_rates_and_trials(tmp_path):
    work = tuned(fill(tmp_path), "--source", "normal")
    rates = work.record(Store(tmp_path))["rates"]
    assert rates["study"] == "learning_rate"
    assert {cell["n_c"]: cell["lr"] for cell in rates["cells"]} == BEST
    assert {cell["n_c"]: cell["edge"] for cell in rates["cells"]} == {2: "high", 4: "low"}
    keys = {item.key: item.trial.lr for item in work.scheduled}
    assert {keys[name] for name in rates["fixed"]} == {double_descent.PRESETS["smoke"].base.lr}
    assert {keys[name] for name in rates["tuned"]} == set(BEST.values())
    assert all(key(item.trial) == item.key for item in work.scheduled)
    json.dumps(rates)


def test_warnings_at_the_edge_come_before_anything_runs(tmp_path):
    message = "\n".join(tuned(fill(tmp_path)).notes())
    assert "largest one tried, 0.01, at normal (m_z=1, n_c=2)" in message
    assert "smallest one tried, 0.001, at normal (m_z=1, n_c=4)" in message


@pytest.mark.parametrize(("made", "words", "message"), [
    ({"state": "partial"}, [], "is not finished: 12 of 12 trials are unfinished"),
    ({"validation": False}, [], "no validation images"),
    ({}, ["--set", "batch=7"], "has no rate for (m_z=1, n_c=2), (m_z=1, n_c=4)"),
    ({}, ["--n-c", "2", "8"], "has no rate for (m_z=1, n_c=8)"),
    ({}, ["--set", "lr=0.1", "0.2"], "--set lr=VALUE"),
])  # fmt: skip
def test_missing_rates_are_refused(tmp_path, made, words, message):
    fill(tmp_path, **made)
    with pytest.raises(UsageError) as error:
        tuned(tmp_path, *words)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["learning_rate", "", "..", "trials"])
def test_a_missing_study_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="There is no study") as error:
        planned(double_descent, "--lr-from", name, "--results", str(tmp_path))
    assert "Run it first: scaling-vae study" in str(error.value)


def test_missing_rates_are_refused_before_ray_starts(tmp_path):
    line = [sys.executable, str(ROOT / "studies" / "double_descent.py"), "--smoke-test"]
    line += ["--lr-from", "learning_rate", "--results", str(tmp_path / "none")]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: There is no study 'learning_rate'")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_the_study_of_rates_covers_the_cells_of_double_descent():
    for name, preset in learning_rate.PRESETS.items():
        normal = [
            t for t in double_descent.trials(double_descent.PRESETS[name]) if not t.lacks_pool
        ]
        made = learning_rate.trials(preset)
        assert {(t.m_z, t.n_c) for t in made} == {(t.m_z, t.n_c) for t in normal}
        assert {t.lr for t in made} == set(preset.lr)
        assert preset.base.lr in preset.lr or name == "paper"  # the fixed rate is among them
        assert all(t.partition == "disjoint" for t in made)
