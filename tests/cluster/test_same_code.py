"""Nodes with other code or versions are refused by name; the check of a node is a stub."""

import platform

import pytest

from scaling.cluster.checks import check_same_code
from scaling.errors import UsageError
from scaling.storage import provenance
from scaling.trial import extensions

OURS = provenance.environment()


def answers(**changes):
    return lambda files: {"10.0.0.1 aaa": OURS, "10.0.0.2 bbb": OURS | changes}


def test_equal_nodes_pass():
    check_same_code(answers())


@pytest.mark.parametrize("what", list(OURS))
def test_each_difference_is_refused_with_the_node(what):
    with pytest.raises(UsageError, match=f"node 10.0.0.2 bbb differs .*{what} other"):
        check_same_code(answers(**{what: "other"}))


def test_every_node_reports_code_and_versions():
    assert {"the code of scaling-vae", "Python", "torch", "ray"} <= set(OURS)
    assert OURS["the code of scaling-vae"] == provenance.code()["sha256"]
    assert "+" not in OURS["torch"]


def test_a_users_module_that_differs_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text("A = 1\n")
    module = extensions.Module(str(file), "mine", str(tmp_path))
    monkeypatch.setattr(extensions, "_loaded", [module])
    check_same_code(lambda files: {"n": provenance.environment(files)})
    with pytest.raises(UsageError, match="the module mine.py missing"):
        check_same_code(answers())


def test_a_host_is_identified_without_its_name(monkeypatch):
    first = provenance.host()
    monkeypatch.setattr(platform, "node", lambda: "other")
    assert provenance.host() != first and len(first) == 12 and "other" not in provenance.host()
