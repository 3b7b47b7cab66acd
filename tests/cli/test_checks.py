"""The doctor's checks, each a process that prints its findings as JSON lines whatever breaks."""

import hashlib
import importlib.util
import json
import os
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from scaling.cli import checks
from scaling.cli.doctor import BROKEN, LIMITED, WORKS, Finding
from scaling.errors import UsageError


def test_the_check_of_pytorch_finds_version_gpu_and_weights():
    found = list(checks.pytorch())
    assert [finding.name for finding in found] == ["torch", "gpu", "inception"]
    assert found[0].state == WORKS and found[0].found.startswith(torch.__version__)


def test_a_missing_gpu_is_a_limit_and_an_unusable_one_is_broken(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(checks, "GPUS", tmp_path / "none")
    none = checks.gpu()
    assert (none.state, none.found) == (LIMITED, "none")
    assert "--preset digits" in none.advice
    monkeypatch.setattr(checks, "GPUS", tmp_path)  # the driver has one
    unused = checks.gpu()
    assert unused.state == BROKEN
    assert f"PyTorch {torch.__version__} cannot use it" in unused.found
    assert "nvidia-smi" in unused.advice


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_that_computes():
    finding = checks.gpu()
    assert finding.state == WORKS
    assert " GB free" in finding.found


def test_missing_or_damaged_weights_of_inception_are_findings(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = checks.weights()
    assert (finding.state, finding.advice) == (LIMITED, "pip install torch-fidelity")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    finding = checks.weights()
    assert finding.state == LIMITED
    assert str(tmp_path / "checkpoints") in finding.advice
    file = tmp_path / "checkpoints" / "weights-inception-2015-12-05-6726825d.pth"
    file.parent.mkdir()
    file.write_bytes(b"something else")
    finding = checks.weights()
    assert (finding.state, finding.advice) == (BROKEN, f"rm {file}")
    digest = hashlib.sha256(b"something else").hexdigest()
    monkeypatch.setattr("scaling.metrics.features.WEIGHTS_SHA256", digest)
    assert checks.weights().state == WORKS


def test_each_data_set_is_a_finding(tmp_path):
    (tmp_path / "cifar10_train.npz").write_bytes(b"torn")
    (tmp_path / "cifar10_test.npz").write_bytes(b"torn")
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)  # and nothing in it
    found = {finding.name: finding for finding in checks.data(str(tmp_path))}
    assert found["digits"] == Finding("digits", WORKS, "1,297 and 500 images (scikit-learn)")
    assert found["fashion_mnist"].state == LIMITED
    assert str(tmp_path / "FashionMNIST/raw") in found["fashion_mnist"].advice
    assert found["cifar10"].state == found["mnist"].state == BROKEN
    assert "cannot be read as an npz" in found["cifar10"].found
    assert "Put {train,t10k}" in found["mnist"].found


@pytest.fixture
def findings_of(monkeypatch, capsys):
    """Runs a check as its process does; returns the findings that the doctor reads."""

    def run(probe, *words):
        codes: list[Any] = []
        monkeypatch.setattr(os, "_exit", codes.append)
        monkeypatch.setitem(checks.CHECKS, "ray", probe)
        checks.main("ray", *words)
        assert codes == [0]
        return [Finding(*json.loads(line)) for line in capsys.readouterr().out.splitlines()]

    return run


def test_findings_are_lines_that_the_doctor_reads(findings_of):
    findings = [Finding("ray", WORKS, "ü"), Finding("x", LIMITED, "a\nb", "c")]
    assert findings_of(lambda: iter(findings)) == findings


@pytest.mark.parametrize(("error", "found", "advice"), [
    (UsageError("Nobody listens. Type this."), "Nobody listens. Type this.", ""),
    (ImportError("libfoo.so:\n no such file"), "ImportError: libfoo.so: no such file", "pip"),
    (AssertionError(), "AssertionError:", "pip"),
])  # fmt: skip
def test_an_error_in_a_check_is_a_finding_after_the_earlier_ones(findings_of, error, found, advice):
    first = Finding("ray", WORKS, "begun")

    def breaks(address):
        yield first
        raise error

    got = findings_of(breaks, "local")
    assert got[0] == first
    assert (got[1].name, got[1].state, got[1].found) == ("ray", BROKEN, found)
    assert got[1].advice.startswith(advice)


@pytest.mark.parametrize(("origin", "state"), [("jpeg", LIMITED), ("official", WORKS)])
def test_a_jpeg_copy_of_a_data_set_is_a_limit(monkeypatch, tmp_path, origin, state):
    (tmp_path / "cifar10_train.npz").touch()
    loaded = SimpleNamespace(train=[0] * 50, test=[0] * 10, data=origin)
    monkeypatch.setattr("scaling.data.datasets.LOADERS", {"cifar10": None})
    monkeypatch.setattr("scaling.data.datasets.load", lambda name, root, offline: loaded)
    (finding,) = checks.data(str(tmp_path))
    assert finding.state == state
    assert ("not comparable" in finding.found) == (origin == "jpeg")
