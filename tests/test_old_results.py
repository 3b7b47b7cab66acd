"""Results from before format versions, kept in tests/old_results, are read correctly."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis import figures
from analysis.results import load, trials
from analysis.storage.provenance import provenance
from scaling.storage.store import Store
from scaling.trial import VaeTrial, from_dict, key
from scaling.trial.schedule import Scheduled

OLD = Path(__file__).parent / "old_results"
STUDY, PARQUET = OLD / "double_descent", OLD / "old.parquet"
POINTS = [(1, 2), (1, 4), (2, 4)]
FOLDERS = sorted((OLD / "trials").iterdir())


def test_old_results_are_small_and_have_no_format():
    files = [path for path in OLD.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 80_000
    assert not any("format" in json.loads(p.read_text()) for p in files if p.suffix == ".json")


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_the_store_reads_old_trials(path):
    folder = Store(OLD).folder(path.name)
    trial = folder.trial()
    assert key(trial) == path.name
    assert trial == from_dict(json.loads((path / "trial.json").read_text()))
    lines = (path / "rows.jsonl").read_text().splitlines()
    assert folder.rows() == [json.loads(line) for line in lines]
    assert [row["epoch"] for row in folder.rows()] == [2, 4]
    assert [folder.state(epochs) for epochs in (2, 4, 5)] == ["done", "done", "partial"]
    folder.create(trial)  # as a launch does: no error, and nothing is written
    assert "format" not in (path / "trial.json").read_text()


def test_the_store_lists_all_old_trials():
    store, expected = Store(OLD), [(m_z, n_c, s) for m_z, n_c in POINTS for s in (0, 1)]
    found = store.vaes()
    assert sorted((t.m_z, t.n_c, t.seed) for t in found) == expected
    assert set(store.finished("cpu")) == {path.name for path in FOLDERS}
    assert set(store.states([Scheduled(t, 4, 2) for t in found]).values()) == {"done"}
    assert store.studies_of({FOLDERS[0].name}) == [STUDY]


def test_old_keys_equal_those_of_the_same_trials_today():
    old = Store(OLD).folder(FOLDERS[0].name).trial()
    new = VaeTrial("digits", n_c=2, train_size=60, split=2, mixtures=5, lr=3e-3, batch=30)
    assert key(new) == key(old) == FOLDERS[0].name


def test_analysis_reads_old_results():
    found = trials(STUDY)
    assert {trial.state for trial in found} == {"done"}
    assert {trial.key for trial in found} == {path.name for path in FOLDERS}
    for trial in found:
        assert trial.rows == Store(OLD).folder(trial.key).rows()


def test_the_old_parquet_equals_the_folder():
    pd.testing.assert_frame_equal(load(PARQUET), load(STUDY))
    assert provenance(PARQUET) == provenance(STUDY)
    study: dict[str, Any] = provenance(PARQUET)
    assert study["launches"][0]["git_commit"].startswith("fe3ecb7")


@pytest.mark.parametrize("path", [STUDY, PARQUET], ids=["folder", "parquet"])
@pytest.mark.parametrize("name", ["fig7", "fig8"])
def test_figures_of_old_results_have_their_old_numbers(name, path, tmp_path):
    figures.save(name, load(path), [tmp_path / "now.csv"])
    now, before = pd.read_csv(tmp_path / "now.csv"), pd.read_csv(OLD / f"{name}.csv")
    assert set(now["level"]) == {"seeds on one data set"}  # newer columns are added to the old ones
    pd.testing.assert_frame_equal(now[list(before)], before)
