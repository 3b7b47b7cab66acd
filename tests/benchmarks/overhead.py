"""Measures a launch's time outside training steps, as the program itself records it (study.json).

`ours` are seconds of all cores, `baseline` the allowed ones. In the digits main job, from the
process's start to its end, 35 % may be outside training steps. Among trials of minutes, between the
start of the first and the end of the last, 3 % may be overhead: starts, reports, checkpoints, Ray.
Measuring ELBOs is counted separately: on digits a row needs 1,497 test images, an epoch 300.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.results import Result

ROOT = Path(__file__).parents[2]
MAIN_JOB, MINUTES, MEASURING = 0.35, 0.03, 0.08  # allowed shares of the time
STUDY = ROOT / "studies" / "double_descent.py"
# Two trials of a minute and a half for each of 2 cores,
# with as many measured rows per epoch as the main job.
LONG = ["--source", "normal", "--m-z", "1", "--n-c", "64", "--seeds", "0-3", "--epochs", "900"]
LONG += ["--measure-every", "180"]


def measure() -> list[Result]:
    """Measures the main job, then trials that take minutes, in about ten minutes on idle cores."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [_main_job(root / "main"), *_minutes(root / "minutes")]


def _main_job(results: Path) -> Result:
    """Measures everything outside training: start, imports, Ray, sampling, measuring, figures."""
    profile = _launch(results)
    available = profile["wall"] * profile["width"]
    name = f"digits main job, {profile['trials']} trials: outside training"
    return _result(name, available - profile["training"], MAIN_JOB * available)


def _minutes(results: Path) -> list[Result]:
    """Measures the overhead between trials (starts, reports, checkpoints), and their measuring."""
    profile = _launch(results, *LONG)
    spans = [json.loads(path.read_text())["span"] for path in results.glob("trials/*/done.json")]
    wall = max(end for _, end in spans) - min(begin for begin, _ in spans)
    available = wall * profile["width"]
    inside = profile["training"] + profile["measuring"]
    trials = f"{len(spans)} trials of {inside / len(spans):.0f} s"
    return [
        _result(f"{trials}: overhead", available - inside, MINUTES * available),
        _result(f"{trials}: measuring", profile["measuring"], MEASURING * available),
    ]


def _result(name: str, seconds: float, allowed: float) -> Result:
    return Result(name, allowed / seconds, 1.0, seconds, allowed, "s")


def _launch(results: Path, *words: str) -> dict[str, float]:
    """Launches the study in a new results folder and returns its profile."""
    command = [sys.executable, str(STUDY), *words, "--results", str(results)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    study = json.loads((results / "double_descent" / "study.json").read_text())
    return study["launches"][-1]["profile"]
