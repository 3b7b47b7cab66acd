"""What a launch costs beside training steps, measured by the program itself (study.json).

`ours` are seconds of all cores, `baseline` those that are allowed. Of the digits main job, from the
process's start to its end, 35 % may lie outside training steps. Among trials of minutes, between
the start of the first and the end of the last, 3 % may be overhead: starts, reports, checkpoints,
Ray. Measuring their ELBOs is told apart: on digits a row takes 1,497 test images, an epoch 300.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.results import Result

ROOT = Path(__file__).parents[2]
MAIN_JOB, MINUTES, MEASURING = 0.35, 0.03, 0.08  # of the time
STUDY = ROOT / "studies" / "double_descent.py"
# Two trials for each of 2 cores, a minute and a half each,
# and, for their length, as many measured rows as the main job's.
LONG = ["--source", "normal", "--m-z", "1", "--n-c", "64", "--seeds", "0-3", "--epochs", "900"]
LONG += ["--measure-every", "180"]


def measure() -> list[Result]:
    """The whole main job, then trials that take minutes; about ten minutes on idle cores."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [_main_job(root / "main"), *_minutes(root / "minutes")]


def _main_job(results: Path) -> Result:
    """Process start, imports, Ray, sampling, measuring, figures: all of it."""
    profile = _launch(results)
    available = profile["wall"] * profile["width"]
    name = f"digits main job, {profile['trials']} trials: outside training"
    return _result(name, available - profile["training"], MAIN_JOB * available)


def _minutes(results: Path) -> list[Result]:
    """Trials alone: process starts between them, reports, checkpoints; and their measurements."""
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
    """The profile of a launch in a new results folder."""
    command = [sys.executable, str(STUDY), *words, "--results", str(results)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    study = json.loads((results / "double_descent" / "study.json").read_text())
    return study["launches"][-1]["profile"]
