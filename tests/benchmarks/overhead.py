"""What a launch costs beside training steps, measured by the program itself (study.json).

`ours` are the seconds of all cores outside training steps, `baseline` those that are allowed: 35 %
of the digits main job from the process's start to its end; 3 % between the start of the first and
the end of the last of trials that take minutes.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.results import Result

ROOT = Path(__file__).parents[2]
MAIN_JOB, MINUTES = 0.35, 0.03  # of the time
STUDY = ROOT / "studies" / "double_descent.py"
# Two trials for each of 2 cores, a minute and a half each.
LONG = ["--source", "normal", "--m-z", "1", "--n-c", "64", "--seeds", "0-3", "--epochs", "900"]


def measure() -> list[Result]:
    """The whole main job, then trials that take minutes; about ten minutes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [_main_job(root / "main"), _minutes(root / "minutes")]


def _main_job(results: Path) -> Result:
    """Process start, imports, Ray, sampling, measuring, figures: all of it."""
    profile = _launch(results)
    name = f"digits main job, {profile['trials']} trials"
    return _result(name, profile["wall"], profile, MAIN_JOB)


def _minutes(results: Path) -> Result:
    """Trials alone: process starts between them, reports, measurements, checkpoints."""
    profile = _launch(results, *LONG)
    spans = [json.loads(path.read_text())["span"] for path in results.glob("trials/*/done.json")]
    wall = max(end for _, end in spans) - min(begin for begin, _ in spans)
    name = f"{len(spans)} trials of {profile['training'] / len(spans):.0f} s"
    return _result(name, wall, profile, MINUTES)


def _result(name: str, wall: float, profile: dict[str, float], allowed: float) -> Result:
    available = wall * profile["width"]
    outside = available - profile["training"]
    return Result(name, allowed * available / outside, 1.0, outside, allowed * available, "s")


def _launch(results: Path, *words: str) -> dict[str, float]:
    """The profile of a launch in a new results folder."""
    command = [sys.executable, str(STUDY), *words, "--results", str(results)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    study = json.loads((results / "double_descent" / "study.json").read_text())
    return study["launches"][-1]["profile"]
