"""A user's study, `examples/own_study.py`, through Ray: trials, rows and its own report."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.results import load

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def test_a_users_study_is_run_and_reported(tmp_path, ray_folder):
    words = ["--smoke-test", "--m-z", "1", "--replicates", "0", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "own_study.py"), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "RAY_TMPDIR": ray_folder},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    frame = load(tmp_path / "own_study")
    last = frame[frame["epoch"] == 4]
    assert sorted(last["weight_decay"]) == [0.0, 0.01]
    for decay, gap in zip(last["weight_decay"], last["generalization_gap"], strict=True):
        assert f"{1:3}  {decay:12g}  {gap:6.2f}" in done.stdout
