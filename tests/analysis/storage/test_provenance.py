"""The provenance of results: of a folder, a parquet file, a root; nothing private in it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import ResultsError
from analysis.storage.provenance import launches_of, note, provenance, public

LAUNCH = {"started": "2026-03-04T05:06:07", "argv": ["--results", "/home/me"]}


def study(folder, name, *launches, **more):
    path = folder / name
    path.mkdir(parents=True)
    about = {"study": name, "preset": "digits", "launches": list(launches)} | more
    (path / "study.json").write_text(json.dumps(about))
    return path


def parquet(path, about):
    table = pa.table({"key": ["a"]}).replace_schema_metadata({"study": json.dumps(about)})
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize(("launch", "message"), [
    ({"code": {"commit": "0123456789abcdef"}}, "commit 0123456789"),
    ({"code": {"commit": "0123456789abcdef", "dirty": True}},
     "commit 0123456789 with uncommitted changes"),
    ({"code": {"version": "1.2"}}, "version 1.2"),
    ({"git_commit": "abc", "git_dirty": True}, "commit abc with uncommitted changes"),  # older
    ({"git_commit": None}, ""),
    ({"code": "torn"}, ""),
])  # fmt: skip
def test_the_last_launch_names_its_code(tmp_path, launch, message):
    path = study(tmp_path, "mixtures", {"git_commit": "first"}, LAUNCH | launch)
    parts = ["mixtures", "preset digits", *([message] if message else []), "launched 2026-03-04"]
    assert note(path) == ", ".join(parts)


def test_a_study_without_a_launch_or_a_file_has_a_shorter_note(tmp_path):
    assert note(study(tmp_path, "empty")) == "empty, preset digits"
    assert note(tmp_path / "empty") == "empty, preset digits"
    (tmp_path / "nothing").mkdir()
    assert note(tmp_path / "nothing") == "" and provenance(tmp_path / "nothing") == {}


def test_a_root_has_the_launches_of_all_its_studies_by_date(tmp_path):
    (tmp_path / "trials").mkdir()
    for name, month in (("a", "05"), ("b", "03"), ("c", "04")):
        study(tmp_path, name, {"started": f"2026-{month}-01"})
    found = provenance(tmp_path)
    assert [str(launch["started"])[5:7] for launch in launches_of(found)] == ["03", "04", "05"]
    assert found["preset"] == "digits" and "study" not in found
    study(tmp_path, "d", preset="paper")
    assert "preset" not in provenance(tmp_path)


def test_a_newer_study_of_a_root_is_left_out_and_a_newer_file_is_refused(tmp_path):
    (tmp_path / "trials").mkdir()
    study(tmp_path, "old", {"started": "2026-01-01"})
    newer = study(tmp_path, "newer", {"started": "2027-01-01"}, format=99)
    assert len(launches_of(provenance(tmp_path))) == 1
    with pytest.raises(ResultsError, match="format"):
        provenance(newer)
    with pytest.raises(ResultsError, match="format"):
        provenance(parquet(tmp_path / "new.parquet", {"study": "s", "format": 99}))


def test_the_provenance_of_a_parquet_is_that_of_its_schema(tmp_path):
    about = {"study": "s", "preset": "digits", "launches": [LAUNCH], "trials": {}}
    file = parquet(tmp_path / "trials.parquet", about)
    assert provenance(file) == provenance(tmp_path) == {
        "study": "s", "preset": "digits", "launches": [LAUNCH]
    }  # fmt: skip
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "plain.parquet")
    assert provenance(tmp_path / "plain.parquet") == {}


def test_words_typed_and_hosts_are_not_published():
    launch: dict[str, object] = {
        **LAUNCH,
        "hardware": {"host": "mine", "cpu": "x"},
        "code": {"commit": "a"},
    }
    assert public(launch) == {
        "started": LAUNCH["started"], "hardware": {"cpu": "x"}, "code": {"commit": "a"}
    }  # fmt: skip
    assert public({"hardware": None}) == {"hardware": None}


@pytest.mark.parametrize("listed", [None, "x", {"a": 1}, [1, "x", None]])
def test_entries_that_are_no_launch_are_passed_over(listed):
    assert launches_of({"launches": listed}) == []
