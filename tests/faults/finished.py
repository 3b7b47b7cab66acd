"""Measures how soon a launch starts over a folder of many finished trials.

python -m tests.faults.finished --trials 50000

Twenty more trials are new. `start_seconds` is the time from the command to the start of the first
of them, Python and Ray included. The finished trials are made up, all else is real.
"""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from scaling.storage.store import Store
from scaling.trial import Trial, key, to_dict
from tests.cluster.conftest import ROOT
from tests.faults.many import EPOCHS, PRESET, trials

NEW = 20
MADE_BY = {"device": "cpu", "threads": 1, "torch": "2", "host": "0" * 12}
STUDY = """
import sys
from analysis import summarize
from scaling.cli.study import main
from tests.faults.many import PRESET, trials
count = int(sys.argv.pop(1))
main("many", lambda preset: trials(preset, count), {"many": PRESET}, summarize)
"""


def finish(store: Store, every: Iterable[Trial]) -> None:
    """Makes the folders of finished trials, as a launch leaves them but for models and pictures."""
    row = {"test_elbo": -100.0, "train_elbo": -90.0, "generalization_gap": 10.0}
    rows = [{"epoch": e, **row, "seconds": 0.1 * e} for e in range(1, EPOCHS + 1)]
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    done = {"format": 1, "state": "done", "epoch": EPOCHS, **MADE_BY, "span": [1.0, 2.0]}
    written = json.dumps(done | {"rows": [*range(1, EPOCHS + 1)]})
    for trial in every:
        folder = store.folder(key(trial))
        folder.path.mkdir(parents=True)
        (folder.path / "trial.json").write_text(json.dumps({"format": 1} | to_dict(trial)))
        (folder.path / "rows.jsonl").write_text(text)
        (folder.path / "done.json").write_text(written)


def launched(results: Path, count: int, *words: str) -> float:
    """Runs the study with these words in a process of its own; the seconds that it took."""
    typed = [sys.executable, "-c", STUDY, str(count), "--results", str(results), *words]
    begun = time.monotonic()
    done = subprocess.run(typed, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - begun


def measure(results: Path, count: int) -> dict[str, float]:
    """Returns the seconds of a dry run, of `status`, and until the first new trial starts."""
    store = Store(results)
    finish(store, trials(PRESET, count))
    seen = {"dry_run_seconds": launched(results, count + NEW, "--dry-run")}
    begun = time.time()
    seen["launch_seconds"] = launched(results, count + NEW, "--no-figures")
    keys = [key(trial) for trial in trials(PRESET, count + NEW)[count:]]
    spans = [json.loads((store.folder(k).path / "done.json").read_text())["span"] for k in keys]
    seen["start_seconds"] = min(begin for begin, _ in spans) - begun
    status = functools.partial(subprocess.run, capture_output=True, text=True, cwd=ROOT)
    at = time.monotonic()
    done = status([sys.executable, "-m", "scaling", "status", str(results)])
    assert done.returncode == 0, done.stderr
    return seen | {"status_seconds": time.monotonic() - at}


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--trials", type=int, default=50_000)
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, value in measure(Path(folder) / "results", options.trials).items():
            print(f"{name:18}{value:10.2f}")


if __name__ == "__main__":
    main()
