"""Results at an address give the same frames, figures and verdicts as those of a folder."""

import shutil

import pandas as pd
import pytest

from analysis import remote, results
from analysis.compact import compact
from analysis.trial_folder import ResultsError
from tests.object_server import serving


@pytest.fixture
def there(results, tmp_path_factory, monkeypatch):  # noqa: F811
    """A study on a server: bucket `b`, folder `root`; its local folder, and addresses."""
    results.fill(seeds=(0, 1))
    study = results.close()
    compact(study)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = tmp_path_factory.mktemp("server") / "b"
    for folder in (results.root / "trials").iterdir():
        (folder / "checkpoint.pt").write_bytes(b"large")
    shutil.copytree(results.root, bucket / "root")
    with serving(bucket.parent) as (host, asked):
        s3 = f"s3://key:secret@b/{{}}?scheme=http&endpoint_override={host}&region=x"
        yield study, {"s3": s3, "http": f"http://{host}/b/{{}}"}, asked


@pytest.mark.parametrize("scheme", ["s3", "http"])
@pytest.mark.parametrize("what", ["study", "parquet"])
def test_a_study_is_the_same_at_an_address(there, scheme, what):
    study, addresses, asked = there
    path = {"study": f"root/{study.name}", "parquet": f"root/{study.name}/trials.parquet"}[what]
    found = remote.place(addresses[scheme].format(path))
    local = study if what == "study" else study / "trials.parquet"
    pd.testing.assert_frame_equal(results.load(found), results.load(local))
    assert not any("checkpoint" in each for each in asked)


def test_a_root_is_the_same_at_an_address(there):
    study, addresses, _ = there
    found = remote.place(addresses["s3"].format("root"))
    pd.testing.assert_frame_equal(results.load(found), results.load(study.parent))


@pytest.mark.parametrize("scheme", ["s3", "http"])
@pytest.mark.parametrize("path", ["root/none", "root/none.parquet"])
def test_what_is_not_there_is_a_sentence(there, scheme, path):
    _, addresses, _ = there
    with pytest.raises(ResultsError, match="does not exist|holds neither study.json nor") as error:
        remote.place(addresses[scheme].format(path))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x.parquet", "http://127.0.0.1:1/x"])
def test_a_server_that_is_gone_is_a_sentence(address):
    with pytest.raises(ResultsError, match="cannot be read: .* Check the address"):
        remote.place(address)


def test_an_unknown_scheme_names_those_that_are_read():
    with pytest.raises(ResultsError, match="addresses of ftp:// cannot be read"):
        remote.place("ftp://host/results")


def test_a_path_stays_a_path(tmp_path):
    assert remote.place(str(tmp_path)) == tmp_path
    remote.check_written_beside(tmp_path)


def test_nothing_is_written_beside_a_copy(there):
    _, addresses, _ = there
    found = remote.place(addresses["http"].format("root/double_descent"))
    with pytest.raises(ResultsError, match="nothing is written there"):
        remote.check_written_beside(found)
