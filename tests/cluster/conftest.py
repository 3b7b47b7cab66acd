"""Runs studies as a user does: a command, its output, its results folder."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CELLS = ["--m-z", "1", "2", "--n-c", "2", "--seeds", "0", "1"]
DRAWN = ["--smoke-test", "--source", "normal", *CELLS]
TINY = [*DRAWN, "--no-figures"]  # figures take longer than the rest
ALONE = ["--cpus", "1"]  # all trials in one process: each takes longer to start than to train


@dataclass
class Study:
    """Runs a study's command with its own results folder and Ray."""

    results: Path
    environment: dict[str, str] = field(default_factory=dict)
    name: str = "double_descent"

    def command(self, *words):
        script = str(ROOT / "studies" / f"{self.name}.py")
        return [sys.executable, script, *map(str, words), "--results", str(self.results)]

    def variables(self):
        """Returns the environment variables of the command."""
        return {**os.environ, "PYTHONWARNINGS": "ignore", **self.environment}

    def start(self, *words):
        return subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.variables(),
            cwd=self.results.parent,
        )

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def folders(self):
        return sorted(p for p in (self.results / "trials").iterdir() if p.is_dir())


@pytest.fixture
def study(tmp_path, ray_folder):
    return Study(tmp_path / "results", {"RAY_TMPDIR": ray_folder})
