"""Results at an address give the same frames, figures and verdicts as a folder."""

import json
import shutil
from argparse import Namespace

import pandas as pd
import pytest

from analysis import results
from analysis.__main__ import main
from analysis.errors import ResultsError
from analysis.storage import remote
from analysis.storage.compact import compact
from scaling.cli import status
from scaling.errors import UsageError
from tests.google_server import serving_google
from tests.object_server import serving


@pytest.fixture
def there(results, tmp_path_factory, monkeypatch):  # noqa: F811
    """Serves a study from bucket `b`, folder `root`; yields its folder, addresses and requests."""
    results.fill(seeds=(0, 1))
    study = results.close()
    compact(study)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = tmp_path_factory.mktemp("server") / "b"
    for folder in (results.root / "trials").iterdir():
        (folder / "checkpoint.pt").write_bytes(b"large")
    shutil.copytree(results.root, bucket / "root")
    with serving(bucket.parent) as (host, asked), serving_google(bucket.parent) as google:
        s3 = f"s3://key:secret@b/{{}}?scheme=http&endpoint_override={host}&region=x"
        addresses = {"s3": s3, "http": f"http://{host}/b/{{}}", "gs": google.format("b/{}")}
        yield study, addresses, asked


@pytest.mark.parametrize("scheme", ["s3", "gs", "http"])
@pytest.mark.parametrize("what", ["study", "parquet"])
def test_a_study_is_the_same_at_an_address(there, scheme, what):
    study, addresses, asked = there
    path = {"study": f"root/{study.name}", "parquet": f"root/{study.name}/trials.parquet"}[what]
    found = remote.place(addresses[scheme].format(path))
    local = study if what == "study" else study / "trials.parquet"
    pd.testing.assert_frame_equal(results.load(found), results.load(local))
    assert not any("checkpoint" in each for each in asked)


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_root_is_the_same_at_an_address(there, scheme):
    study, addresses, _ = there
    found = remote.place(addresses[scheme].format("root"))
    pd.testing.assert_frame_equal(results.load(found), results.load(study.parent))


@pytest.mark.parametrize("scheme", ["s3", "gs", "http"])
@pytest.mark.parametrize("path", ["root/none", "root/none.parquet"])
def test_a_missing_address_is_refused_in_a_sentence(there, scheme, path):
    _, addresses, _ = there
    with pytest.raises(
        ResultsError, match="does not exist|contains neither study.json nor"
    ) as error:
        remote.place(addresses[scheme].format(path))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x.parquet", "http://127.0.0.1:1/x"])
def test_a_server_that_is_gone_is_reported_in_a_sentence(address):
    with pytest.raises(ResultsError, match="cannot be read: .* Check the address"):
        remote.place(address)


def test_an_unknown_scheme_gets_the_list_of_known_ones():
    with pytest.raises(ResultsError, match="addresses with ftp:// cannot be read"):
        remote.place("ftp://host/results")


def test_a_path_stays_a_path(tmp_path):
    assert remote.place(str(tmp_path)) == tmp_path
    assert remote.folder_of_output(tmp_path / "x.parquet") == tmp_path


def test_without_output_results_at_an_address_are_refused(there):
    _, addresses, _ = there
    found = remote.place(addresses["http"].format("root/double_descent"))
    with pytest.raises(ResultsError, match="nothing is written there"):
        remote.folder_of_output(found)
    assert remote.folder_of_output(found, found / "x.pdf") == found


def test_the_command_line_takes_addresses(there, tmp_path, capsys):
    study, addresses, _ = there
    address = addresses["s3"].format("root/double_descent")
    assert main(["fig8", "--results", address, "-o", str(tmp_path / "there.csv")]) == 0
    assert main(["fig8", "--results", str(study), "-o", str(tmp_path / "here.csv")]) == 0
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    capsys.readouterr()
    for words in (["fig8"], ["report"], ["compact"], ["law", "--x", "n_c"], ["page"]):
        first = [address] if words == ["page"] else ["--results", address]
        assert main([*words, *first]) == 2
        assert "nothing is written there" in capsys.readouterr().err


def test_status_reads_an_address_once(there, capsys):
    study, addresses, _ = there
    address = addresses["s3"].format("root")
    options = Namespace(results=address, study=study.name, watch=False, json=True)
    assert status.run(options) == 0
    assert json.loads(capsys.readouterr().out)["study"] == study.name
    with pytest.raises(UsageError, match="--watch follows a folder"):
        status.run(Namespace(results=address, study=None, watch=True, json=False))
    with pytest.raises(UsageError, match="cannot be read"):
        status.run(Namespace(results="ftp://x/y", study=None, watch=False, json=False))
