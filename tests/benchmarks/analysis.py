"""Measures the analysis of a study of 1,000 trials with 50 rows each: its report, and reading it.

The report is a separate process, as after a study, with imports, the table, Figures 7 and 8 and the
verdict. Both are compared with pandas reading one file at a time, which draws nothing.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.results import load
from scaling.storage.store import Store
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid, key
from tests.benchmarks.results import Result
from tests.benchmarks.timing import interleaved

TRIALS, ROWS = 1000, 50
EPOCHS = range(2, 2 * ROWS + 1, 2)
M_Z, N_C = (1, 2, 4, 8, 64), (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)
FASTER, REPORT_FASTER = 3.0, 0.8  # goals relative to pandas, of reading and of a whole report
ROUNDS = 3
REPORT = """
import sys
from analysis import summarize
summarize(sys.argv[1])
print({"torch", "ray"} & set(sys.modules) or "")
"""


def measure() -> list[Result]:
    """Measures CPU seconds of one core."""
    with tempfile.TemporaryDirectory() as folder:
        study = _written(Path(folder))
        return [_report(study), _reading(study)]


def _report(study: Path) -> Result:
    rounds = [(_once(study), *interleaved(lambda: _plain(study.parent), rounds=1))
              for _ in range(ROUNDS)]  # fmt: skip
    ours, baseline = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    name = f"report on {TRIALS} trials x {ROWS} rows"
    return Result(name, baseline / ours, REPORT_FASTER, ours, baseline, "s")


def _once(study: Path) -> float:
    before = _spent()
    command = [sys.executable, "-c", REPORT, str(study)]
    heavy = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if heavy:
        raise RuntimeError(f"the analysis imported {heavy}")
    return _spent() - before


def _reading(study: Path) -> Result:
    ours, baseline = interleaved(lambda: load(study), lambda: _plain(study.parent), rounds=ROUNDS)
    name = f"reading {TRIALS} trials x {ROWS} rows"
    return Result(name, baseline / ours, FASTER, ours, baseline, "s")


def _plain(root: Path) -> pd.DataFrame:
    frames = []
    for folder in sorted((root / "trials").iterdir()):
        fields = pd.json_normalize(json.loads((folder / "trial.json").read_text()))
        rows = pd.read_json(folder / "rows.jsonl", lines=True)
        frames.append(rows.merge(fields, how="cross").assign(key=folder.name))
    return pd.concat(frames, ignore_index=True)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _written(root: Path) -> Path:
    """Writes a study of ten seeds of both sources on a grid of widths, with made-up curves."""
    store, rng = Store(root), np.random.default_rng(0)
    base = VaeTrial("digits", train_size=300, split=2)
    trials = grid(base, m_z=M_Z, n_c=N_C, source=[NORMAL, DMAAPX], seed=range(10))
    assert len(trials) == TRIALS
    for trial in trials:
        folder = store.folder(key(trial))
        folder.path.mkdir(parents=True)
        folder.create(trial)
        level = 90 + (np.log2(trial.n_c) - 3) ** 2 + rng.normal()
        lines = (json.dumps(_row(epoch, level)) + "\n" for epoch in EPOCHS)
        (folder.path / "rows.jsonl").write_text("".join(lines))
        folder.finish(EPOCHS[-1])
    requested = {key(trial): {"epochs": EPOCHS[-1]} for trial in trials}
    store.update_study("double_descent", lambda study: study | {"trials": requested})
    return store.study("double_descent")


def _row(epoch: int, level: float) -> dict[str, float | str]:
    """Returns a row with as many columns as a VAE's row has."""
    negative = level + 50 / epoch
    row: dict[str, float | str] = {"epoch": epoch, "test_elbo": -negative, "train_elbo": -level}
    numbers = [
        *("source_elbo", "train_kl", "test_kl", "train_reconstruction", "test_reconstruction"),
        *("test_bits_per_dim", "seconds", "images_per_s"),
    ]
    row |= {"generalization_gap": negative - level} | {name: negative for name in numbers}
    row |= {"parameters": 1000, "parameters_z": 10, "parameters_rest": 990, "d_z": 4}
    return row | {"data": "official", "fingerprint": "0123456789abcdef", "precision": "float32"}
