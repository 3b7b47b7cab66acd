"""The doctor: a finding for each thing that can be missing or broken, with a remedy."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scaling.cli import doctor
from scaling.cli.cpu_use import is_working
from scaling.cli.doctor import BROKEN, LIMITED, WORKS, Check, Finding
from scaling.planning.table import size

GB = 10**9


def free(monkeypatch, count):
    usage = SimpleNamespace(free=count, total=8 * GB)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)


def test_the_table_shows_the_remedy_below_each_broken_finding():
    findings = [Finding("gpu", LIMITED, "none", "use the CPU"), Finding("token", WORKS, "private")]
    assert doctor.table(findings) == [
        "limited  gpu    none",
        "                -> use the CPU",
        "works    token  private",
        "Nothing is broken.",
    ]
    assert doctor.table([Finding("gpu", BROKEN, ""), Finding("ray", BROKEN, "")])[-1] == (
        "Broken: gpu, ray."
    )


@pytest.mark.parametrize(("state", "code"), [(WORKS, 0), (LIMITED, 0), (BROKEN, 2)])
def test_the_exit_code_is_2_if_a_finding_is_broken(monkeypatch, capsys, state, code):
    monkeypatch.setattr(doctor, "diagnose", lambda *words: [Finding("ray", state, "found")])
    assert doctor.main(Path("results"), None, ("local", None), 1.0) == code
    assert capsys.readouterr().out.startswith(f"{state}  ray  found\n")


def test_a_results_folder_must_be_writable_or_possible_to_make(monkeypatch, tmp_path):
    free(monkeypatch, 50 * GB)
    for path in (tmp_path, tmp_path / "to" / "be" / "made"):
        assert doctor.disk(path).state == WORKS
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    refused = doctor.disk(tmp_path / "file" / "results")
    assert (refused.state, refused.advice) == (BROKEN, "Give another folder: --results DIR")
    assert "cannot be written: Not a directory" in refused.found


@pytest.mark.parametrize(
    ("left", "state"), [(GB // 2, BROKEN), (5 * GB, LIMITED), (50 * GB, WORKS)]
)
def test_too_little_room_on_the_disk_is_a_finding(monkeypatch, tmp_path, left, state):
    free(monkeypatch, left)
    finding = doctor.disk(tmp_path)
    assert finding.state == state
    assert finding.found == f"{tmp_path}: {size(left)} free"
    assert ("--results DIR" in finding.advice) == (state == BROKEN)
    assert ("--dry-run" in finding.advice) == (state == LIMITED)


def test_too_little_shared_memory_is_a_finding(monkeypatch, tmp_path):
    free(monkeypatch, 64 * 10**6)  # a container as Docker makes it
    monkeypatch.setattr(doctor, "SHM", tmp_path)
    finding = doctor.shared_memory()
    assert finding.state == LIMITED
    assert finding.found.startswith(f"64 MB of 8 GB free in {tmp_path}: Ray uses files")
    assert "--shm-size" in finding.advice
    free(monkeypatch, 4 * GB)
    assert doctor.shared_memory().state == WORKS
    monkeypatch.setattr(doctor, "SHM", tmp_path / "none")
    assert doctor.shared_memory().state == WORKS


def test_what_ray_lacks_is_a_finding_with_advice(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("long" * 30)))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    assert [(f.name, f.state) for f in doctor.ray_needs()] == [
        ("ray folder", BROKEN),
        ("token", BROKEN),
    ]
    assert all(finding.advice for finding in doctor.ray_needs())


def test_an_error_of_the_system_is_a_finding():
    def disk():
        raise PermissionError(13, "Permission denied", "/home/x")

    assert doctor._found(disk).state == BROKEN
    assert "Permission denied" in doctor._found(disk).found


def test_a_process_that_computes_is_called_slow_and_one_that_sleeps_hung():
    for script, busy in (("while True: pass", True), ("import time; time.sleep(600)", False)):
        process = subprocess.Popen([sys.executable, "-c", script])
        try:
            time.sleep(2)  # until it has started
            assert is_working(process.pid) is busy
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize(("needed", "message"), [
    ("numpy>=2.0", ""),
    ("Numpy<3,>=2.0", ""),
    ("numpy>=99", "numpy is {numpy}, and numpy>=99 is needed"),
    ("numpy<1,>=0.1", "numpy is {numpy}, and numpy<1,>=0.1 is needed"),
    ("no-such-package[more]>=1", "no-such-package is missing"),
    ('no-such-package>=1; extra == "dev"', ""),
])  # fmt: skip
def test_installed_versions_are_compared_with_the_required_ones(monkeypatch, needed, message):
    monkeypatch.setattr(metadata, "requires", lambda name: [needed])
    finding = doctor.packages()
    assert finding.state == (BROKEN if message else WORKS)
    if message:
        assert finding.found == message.format(numpy=np.__version__)
        assert finding.advice == shlex.join(["pip", "install", needed])


def test_the_project_itself_is_installed(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    finding = doctor.packages()
    checkout = Path(__file__).parents[2]
    assert finding.advice == shlex.join(["pip", "install", "-e", str(checkout)])
    assert finding.state == BROKEN
    assert "scaling-vae is not installed" in finding.found


def program(tmp_path, monkeypatch, text):
    """Replaces Python, in which checks run, by a shell script."""
    file = tmp_path / "python"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(file))


@pytest.mark.parametrize(("text", "seconds", "found", "advice"), [
    ("kill -SEGV $$", 300, "its process ended with -11", "force-reinstall"),
    ("echo undefined symbol: at >&2; exit 3", 300, "ended with 3: undefined symbol", "reinstall"),
    ("echo Error: Nobody listens. >&2; exit 2", 300, "Nobody listens.", ""),
    ("sleep 600", 5, "no answer in time: it hangs", "--seconds 60"),
])  # fmt: skip
def test_a_check_that_crashes_or_hangs_is_a_finding(
    tmp_path, monkeypatch, text, seconds, found, advice
):
    line = json.dumps(["torch", WORKS, "2.6", ""])
    program(tmp_path, monkeypatch, f"echo '{line}'; {text}")
    first, second = Check("ray", ["local"], tmp_path).findings(end=time.monotonic() + seconds)
    assert first == Finding("torch", WORKS, "2.6")
    assert (second.name, second.state) == ("ray", BROKEN)
    assert found in second.found
    assert (advice in second.advice) if advice else not second.advice


def test_the_doctor_works_without_a_working_torch_or_ray(tmp_path):
    """PyTorch lacks a library and there is no Ray: findings, and the data are checked too."""
    for name, error in (
        ("torch", "OSError('libcudart.so.12: cannot open')"),
        ("ray", "ImportError('none')"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise {error}")
    words = [
        "--results",
        str(tmp_path / "results"),
        "--data-root",
        str(tmp_path),
        "--seconds",
        "600",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "scaling", "doctor", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == ""
    lines = {line.split()[1]: line for line in done.stdout.splitlines() if line[0] in "wlb"}
    assert lines["torch"].startswith("broken")
    assert "OSError: libcudart.so.12: cannot open" in lines["torch"]
    assert "broken" in lines["ray"]
    assert "works" in lines["digits"]
    assert "limited" in lines["cifar10"]
    assert done.stdout.endswith("Broken: torch, ray.\n")
    assert not (tmp_path / "results").exists()
