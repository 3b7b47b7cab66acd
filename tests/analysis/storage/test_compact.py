"""Compacted results: the same frame, with provenance, and no half-written files."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.errors import ResultsError
from analysis.results import load, note
from analysis.storage.compact import compact
from analysis.storage.provenance import launches_of, provenance, public


def test_parquet_gives_back_the_frame_with_its_dtypes(results):
    results.fill({(1, 2): 100.0, (1, 4): 99.0}, seeds=[0, 1])
    results.fill({(1, 2): 98.0}, source=results.DMAAPX)
    results.add({"kind": "diffusion", "seed": 0, "ema": True}, [{"epoch": 7, "loss": 0.2}])
    study = results.close()
    live = load(study)
    path = compact(study)
    pd.testing.assert_frame_equal(load(path), live)
    assert live.dtypes.to_dict() == load(path).dtypes.to_dict()
    assert live["m_z"].dtype == "Int64" and live["source_k"].dtype == "Int64"
    assert live["test_elbo"].dtype == "float64" and live["source_pool"].dtype == "str"


def test_study_without_trial_folders_is_read_from_its_parquet(results, study):
    live = load(study)
    compact(study)
    (results.root / "trials").rename(results.root / "elsewhere")
    pd.testing.assert_frame_equal(load(study), live)


def test_parquet_carries_provenance(study):
    path = compact(study)
    about = json.loads(pq.read_schema(path).metadata[b"study"])
    assert (about["study"], about["preset"]) == ("double_descent", "digits")
    assert about["launches"][0]["git_commit"] == "0123456789ab"
    assert provenance(path) == provenance(study)
    assert note(path) == "double_descent, preset digits, commit 0123456789, launched 2026-03-04"


def test_a_root_in_one_file_has_the_launches_of_all_its_studies(results, study, tmp_path):
    second = json.loads((study / "study.json").read_text()) | {"study": "mixtures"}
    second["launches"][0] |= {"started": "2026-03-05T01:00:00", "hardware": {"host": "name"}}
    (results.root / "mixtures").mkdir()
    (results.root / "mixtures" / "study.json").write_text(json.dumps(second))
    path = compact(results.root, output=tmp_path / "published" / "all.parquet")
    pd.testing.assert_frame_equal(load(path), load(results.root))
    assert not {"argv", "host"} & set(re.findall(r"\w+", json.dumps(provenance(path))))
    launches: Any = provenance(path)["launches"]
    assert [launch["started"][:10] for launch in launches] == [
        "2026-03-04",
        "2026-03-05",
    ]
    assert note(path) == "preset digits, commit 0123456789, launched 2026-03-05"


def test_a_crash_while_compacting_leaves_the_old_file_and_nothing_else(study, monkeypatch):
    before = compact(study).read_bytes()

    def crash(table, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", crash)
    with pytest.raises(KeyboardInterrupt):
        compact(study)
    assert (study / "trials.parquet").read_bytes() == before
    assert sorted(path.name for path in study.iterdir()) == ["study.json", "trials.parquet"]


def test_a_csv_is_a_csv_and_any_other_suffix_is_refused(study, tmp_path):
    path = compact(study, output=tmp_path / "all.csv")
    frame, read = load(study), pd.read_csv(path)
    assert list(read.columns) == list(frame.columns)
    np.testing.assert_allclose(read["test_elbo"], frame["test_elbo"])
    for name in ("all.xlsx", "all"):
        with pytest.raises(ResultsError, match="compact cannot write the format of"):
            compact(study, output=tmp_path / name)
        assert not (tmp_path / name).exists()


def test_folders_of_a_users_data_are_left_out_and_files_stay_distinct(study, tmp_path):
    frame = load(study)
    keys = list(dict.fromkeys(frame["key"]))
    of = {key: f"/home/someone/{i % 2}/cells.npz" for i, key in enumerate(keys)}
    paths = list(frame["key"].map(of | {keys[-1]: "digits"}))
    path = compact(study, frame.assign(dataset=paths, modules_mine="/home/x/mine.py"),
                   tmp_path / "all.parquet")  # fmt: skip
    assert b"someone" not in path.read_bytes() and b"/home" not in path.read_bytes()
    read = load(path)
    assert list(read["dataset"].groupby(paths, sort=False).nunique()) == [1, 1, 1]
    assert read["dataset"].nunique() == 3 and read["dataset"].iloc[-1] == "digits"
    assert set(read["modules_mine"]) == {"mine.py"}


def test_published_files_name_no_command_line_and_no_host():
    """These have folders and machines in them; a study's own trials.parquet keeps both."""
    files = sorted((Path(analysis.__file__).parent / "published").rglob("*.parquet"))
    assert files
    for file in files:
        for launch in launches_of(provenance(file)):
            assert public(launch) == launch, file.name
