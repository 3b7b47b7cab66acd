"""Format versions as `analysis` reads them: newer files are refused and block no others."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import analysis
from analysis.errors import ResultsError
from analysis.results import load, note, trials
from analysis.storage.compact import compact
from analysis.storage.provenance import provenance
from analysis.storage.trial_folder import FORMAT
from scaling.storage import formats

REFUSED = r"{} is of format 2, and the newest that this version reads is 1\. Install a newer"


def newer(path: Path) -> Path:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    return path


def newer_parquet(path: Path) -> Path:
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"study"]) | {"format": 2}
    changed = table.schema.metadata | {b"study": json.dumps(about).encode()}
    pq.write_table(table.replace_schema_metadata(changed), path)
    return path


@pytest.fixture
def study(results):
    results.fill({(1, 2): 100.0, (1, 4): 99.0}, seeds=[0])
    return results.close()


def test_both_packages_know_the_same_formats():
    assert FORMAT == formats.FORMAT


def test_the_format_is_not_a_column(results, study):
    before = load(study)
    for file in results.root.glob("*/*/*.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 1}))
    assert load(study).equals(before)
    assert "format" not in before


@pytest.mark.parametrize("name", ["trial.json", "done.json"])
def test_a_newer_trial_is_refused_by_its_study_and_left_out_of_the_root(results, study, name):
    newer(results.root / "trials" / "vae-1.0-1-2-s0" / name)
    for reads in (load, trials):
        with pytest.raises(ResultsError, match=REFUSED.format(name)):
            reads(study)
    assert load(results.root)["n_c"].unique().tolist() == [4]
    newer(results.root / "trials" / "vae-1.0-1-4-s0" / name)
    with pytest.raises(ResultsError, match=REFUSED.format(name)):
        load(results.root)


def test_a_newer_study_is_refused(results, study):
    newer(study / "study.json")
    for reads in (load, provenance, note):
        with pytest.raises(ResultsError, match=REFUSED.format("study.json")):
            reads(study)
    assert len(load(results.root)) == 6
    assert provenance(results.root) == {"launches": []}


def test_a_newer_parquet_is_refused(study):
    path = compact(study)
    assert json.loads(pq.read_schema(path).metadata[b"study"])["format"] == 1
    newer_parquet(path)
    for reads in (load, provenance):
        with pytest.raises(ResultsError, match=REFUSED.format("trials.parquet")):
            reads(path)


@pytest.mark.parametrize("name", ["digits/all.parquet", "cifar10-small/downstream.parquet"])
def test_published_files_without_a_format_are_read(name):
    path = Path(analysis.__file__).parent / "published" / name
    assert b'"format"' not in pq.read_schema(path).metadata[b"study"]
    assert len(load(path))
