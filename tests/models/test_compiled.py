"""Compiled functions: if compiling fails, the function itself runs and one line says so."""

import os
import subprocess
import sys

import pytest
import torch

from scaling.models import compiled
from scaling.models.compiled import Compiled

SCRIPT = """
import torch
from scaling.models import logistics
logistics.COMPILE_FROM = 0
params = torch.randn(2, 10, 4, 4, requires_grad=True)
x = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
for _ in range(2):
    logistics.log_prob(params, x, 256).sum().backward()
with torch.no_grad():
    print(logistics.log_prob(params, x, 256).shape)
"""


@pytest.fixture(autouse=True)
def untried(monkeypatch):
    monkeypatch.setattr(Compiled, "failed", False)


def refuse(function):
    def refused(*arguments):
        raise RuntimeError("no compiler\nand a long story")

    return refused


def test_a_failure_is_reported_once_and_the_function_runs(monkeypatch, capsys):
    monkeypatch.setattr(torch, "compile", refuse)
    double, square = Compiled(lambda t: 2 * t), Compiled(lambda t: t * t)
    assert [double(2), double(3), square(4)] == [4, 6, 16]
    output = capsys.readouterr().err.splitlines()
    assert output == [
        "Networks and likelihoods run uncompiled, up to several times slower: no compiler"
    ]


def test_an_error_of_the_function_itself_is_raised(monkeypatch, capsys):
    monkeypatch.setattr(compiled, "_compile", lambda function: function)
    with pytest.raises(RuntimeError, match="shape"):
        Compiled(lambda t: t.view(7))(torch.zeros(3))
    assert capsys.readouterr().err == ""
    assert not Compiled.failed


def test_a_compiler_that_ends_with_an_error_is_reported_and_the_function_runs(monkeypatch, capsys):
    """Triton calls the C compiler when a kernel runs first, outside of PyTorch's own errors."""

    def broken(function):
        def call(*arguments):
            raise subprocess.CalledProcessError(1, ["gcc"])

        return call

    monkeypatch.setattr(torch, "compile", broken)
    assert Compiled(lambda t: 2 * t)(2) == 4
    assert "uncompiled" in capsys.readouterr().err


def test_lack_of_memory_is_no_failure_to_compile(monkeypatch, capsys):
    def full(function):
        def call(*arguments):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return call

    monkeypatch.setattr(torch, "compile", full)
    with pytest.raises(torch.OutOfMemoryError):
        Compiled(lambda t: 2 * t)(2)
    assert capsys.readouterr().err == "" and not Compiled.failed


# PyTorch's own: at its import, and of a folder that the compiler leaves to the end of the process
IGNORED = ("-W", "ignore:`torch.jit:DeprecationWarning", "-W", "ignore::ResourceWarning")


def test_without_a_compiler_there_is_one_line_on_stderr(tmp_path):
    environment = os.environ | {"CXX": str(tmp_path / "none")}
    environment["TORCHINDUCTOR_CACHE_DIR"] = str(tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-W", "error", *IGNORED, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "torch.Size([2])"
    assert len(done.stderr.splitlines()) == 1
    assert "uncompiled" in done.stderr
