"""Results as frames: rows, states, damaged files, and a meaning for every column."""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from analysis.columns import COLUMNS
from analysis.errors import ResultsError
from analysis.results import load, trials
from analysis.storage.compact import compact
from analysis.storage.trial_folder import read_rows, source_name
from analysis.storage.unmeasured import unmeasured
from scaling.trial import DiffusionTrial, TwoSampleTrial, VaeTrial
from scaling.trial.source import Source


def test_a_row_per_trial_and_epoch_with_every_field(results):
    trial = results.vae(2, 8, 1, results.DMAAPX)
    results.add(trial, [results.row(trial, 60, 99.0), results.row(trial, 120, 97.0)], key="a")
    frame = load(results.close())
    assert frame["epoch"].tolist() == [60, 120]
    assert frame["test_elbo"].tolist() == [-99.0, -97.0]
    last = frame.iloc[-1]
    assert (last["key"], last["kind"], last["state"]) == ("a", "vae", "done")
    assert (last["source"], last["source_k"], last["source_real_share"]) == ("dmaapx", 10, 0.0)
    assert (last["m_z"], last["n_c"], last["seed"], last["lr"]) == (2, 8, 1, 0.003)
    assert set(frame.columns) <= set(COLUMNS)


def test_the_root_has_the_trials_of_all_its_studies(results):
    results.fill({(1, 2): 100.0}, seeds=[0])
    results.requested.clear()
    results.fill({(1, 4): 100.0}, seeds=[0])
    study = results.close()
    assert load(study)["n_c"].unique().tolist() == [4]
    assert sorted(load(results.root)["n_c"].unique()) == [2, 4]


def test_rows_beyond_the_requested_epochs_are_cut(results):
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, epoch, 90.0) for epoch in (60, 120, 180, 240)])
    study = results.close()
    assert load(study)["epoch"].tolist() == [60, 120]
    assert load(results.root)["epoch"].tolist() == [60, 120, 180, 240]


@pytest.mark.parametrize(
    ("epochs", "done", "state"),
    [
        ([60, 120], {"state": "done", "epoch": 120}, "done"),
        ([60, 120], False, "partial"),
        ([60], {"state": "done", "epoch": 60}, "partial"),  # done for a shorter study
        ([20, 40], {"state": "failed", "epoch": 40, "error": "NaN"}, "failed"),
        # the trial was run for longer
        ([60, 120, 180], {"state": "failed", "epoch": 200, "error": "NaN"}, "done"),
        # a launch runs the trial again, because arrays are missing
        ([60, 120, 180], False, "partial"),
        ([], False, "waiting"),
    ],
)
def test_the_state_depends_on_the_requested_epochs(results, epochs, done, state):
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, epoch, 90.0) for epoch in epochs], done)
    assert [found.state for found in trials(results.close())] == [state]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"state": "do', "\0\0\0"])
def test_damaged_done_is_partial(results, damage):
    trial = results.vae(1, 2, 0)
    folder = results.add(trial, [results.row(trial, 120, 90.0)])
    (folder / "done.json").write_text(damage)
    assert load(results.close())["state"].tolist() == ["partial"]


@pytest.mark.parametrize(
    ("text", "epochs"),
    [
        (b'{"epoch": 1}\n{"epoch": 2}\n', [1, 2]),
        (b'{"epoch": 1}\n{"epoch": 2, "te', [1]),
        (b'{"epoch": 1}\n{"epoch": 2, "test_elbo": -97\n{"epoch": 3}\n', [1, 3]),
        (b'{"epoch": 1}\n{"epoch": 2, "tes{"epoch": 3}\n', [1, 3]),  # its newline is lost too
        (b'{"epoch": 1}\n\xff\xfe{"ep\n{"epoch": 3}', [1, 3]),
        (b'{"epoch": 1}\n\0\0\0\0\n{"epoch": 3}', [1, 3]),
        (b'{"epoch": 1}\n17\nnull\n[]\n{"test_elbo": 1}\n\n{"epoch": 3}', [1, 3]),
        (b'{"epoch": 2}\n{"epoch": 1}\n', [1, 2]),
        (b"", []),
    ],
)
def test_a_torn_line_costs_that_line_only(tmp_path, text, epochs):
    (tmp_path / "rows.jsonl").write_bytes(text)
    assert [row["epoch"] for row in read_rows(tmp_path / "rows.jsonl")] == epochs


def test_of_an_epoch_written_twice_the_later_line_counts(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"epoch": 1, "x": 1}\n{"epoch": 1, "x": 2}\n')
    assert read_rows(tmp_path / "rows.jsonl") == [{"epoch": 1, "x": 2}]


def test_damaged_trial_json_costs_that_trial_only(results):
    results.fill({(1, 2): 100.0, (1, 4): 99.0}, seeds=[0])
    study = results.close()
    (results.root / "trials" / "vae-1.0-1-2-s0" / "trial.json").write_text("{")
    assert load(study)["n_c"].unique().tolist() == [4]
    assert sorted(trial.state for trial in trials(study)) == ["done", "unreadable"]


def test_values_that_were_not_measured_are_missing_and_never_zero(results):
    trial = results.vae(1, 2, 0)
    rows = [results.row(trial, 60, 90.0), results.row(trial, 120, 90.0) | {"test_elbo": None}]
    rows[1]["amortization_gap"] = 3.5
    results.add(trial, rows)
    frame = load(results.close())
    assert frame["test_elbo"].isna().tolist() == [False, True]
    assert frame["amortization_gap"].isna().tolist() == [True, False]


def test_a_row_cannot_change_the_identity_of_its_trial(results):
    """trial.json has the identity; other values in a row replace those of the trial."""
    for seed, more in ((0, {"seed": 7, "source": {"k": 3}, "precision": "bf16"}), (1, {})):
        trial = results.vae(1, 2, seed, precision="auto")
        results.add(trial, [results.row(trial, 120, 90.0) | more])
    frame = load(results.close()).sort_values("seed")
    assert frame["seed"].tolist() == [0, 1]
    assert frame["source"].tolist() == ["normal", "normal"]
    assert frame["precision"].tolist() == ["bf16", "auto"]


def test_other_kinds_may_lack_fields(results):
    results.fill({(1, 2): 100.0}, seeds=[0])
    diffusion = {"kind": "diffusion", "dataset": "digits", "multipliers": [1, 2], "seed": 0}
    results.add(diffusion, [{"epoch": 120, "loss": 0.2}])
    frame = load(results.close()).set_index("kind")
    assert frame["m_z"].isna()["diffusion"]
    assert frame.loc["diffusion", "multipliers"] == "[1, 2]"
    assert frame["loss"][frame.index == "vae"].isna().all()


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "normal"),
        ({"real_share": 0.0}, "dmaapx"),
        ({"real_share": 0.0, "k": 10, "pool": "p", "diffusion_share": 0.5}, "dmaapx"),
        ({"augment": "naive"}, "aug_naive"),
        ({"augment": "tuned"}, "aug_tuned"),
        ({"mollify_epochs": 50}, "mollify"),
        ({"real_share": 0.4, "augment": "tuned"}, "real_share=0.4,augment=tuned"),
        ({"real_share": 0.0, "mollify_epochs": 5}, "real_share=0.0,mollify_epochs=5"),
    ],
)
def test_sources_have_their_names(results, changed, name):
    assert source_name(results.NORMAL | changed) == name


def test_trials_without_rows_are_kept_separately(results):
    results.fill({(1, 2): 100.0}, seeds=[0])
    results.add(results.vae(1, 4, 0), [], done=False)
    study = results.close()
    aside = [{"key": list(results.requested)[-1], "kind": "vae", "source": "normal"}]
    aside[0] |= {"m_z": 1, "n_c": 4, "seed": 0, "replicate": None}
    assert load(study)["n_c"].unique().tolist() == [2]
    assert unmeasured(load(study)) == aside
    assert unmeasured(load(compact(study))) == aside


def _two_sentences(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith(".") and text.count(". ") >= 1
    return text


def test_errors_say_what_is_wrong_and_what_to_type(tmp_path, results):
    with pytest.raises(ResultsError, match="does not exist") as error:
        load(tmp_path / "nowhere")
    assert "scaling-vae study " in _two_sentences(error)
    with pytest.raises(ResultsError, match="not a results folder") as error:
        load(tmp_path)
    assert "--results" in _two_sentences(error)
    (tmp_path / "x.parquet").write_text("PAR1 no")
    with pytest.raises(ResultsError, match="not a readable parquet") as error:
        load(tmp_path / "x.parquet")
    _two_sentences(error)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ResultsError, match="but not of trials") as error:
        load(tmp_path / "other.parquet")
    _two_sentences(error)
    study = results.close()
    with pytest.raises(ResultsError, match="no measured epoch") as error:
        load(study)
    _two_sentences(error)
    (study / "study.json").write_text('{"trials": ')
    with pytest.raises(ResultsError, match="damaged") as error:
        load(study)
    _two_sentences(error)


def test_columns_have_a_unit_a_direction_and_a_meaning():
    for unit, direction, meaning in COLUMNS.values():
        assert unit and meaning and direction in ("", "higher is better", "lower is better")


@pytest.mark.parametrize("kind", [VaeTrial, DiffusionTrial, TwoSampleTrial])
def test_every_field_of_a_trial_is_a_column_with_a_meaning(kind):
    own = {field.name for field in fields(kind)} - {"source"}
    assert own | {f"source_{field.name}" for field in fields(Source)} <= set(COLUMNS)


def test_every_file_of_1000_trials_is_read_once(results, monkeypatch):
    trial = results.vae(1, 2, 0)
    rows = [results.row(trial, epoch, 97.0) for epoch in range(1, 51)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    for number in range(1000):
        folder: Path = results.root / "trials" / f"{number:04d}"
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(trial | {"seed": number}))
        (folder / "rows.jsonl").write_text(text)
    read = Path.read_bytes
    opened: Counter[Path] = Counter()

    def counted(path):
        opened[path] += 1
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    frame = load(results.root)
    assert len(frame) == 50_000
    rows = [path for path in opened if path.name == "rows.jsonl"]
    assert len(rows) == 1000
    assert max(opened.values()) == 1
