"""Compares Ray Tune's time per trial in reused processes with that in one process per trial.

The trials go through the launcher as in a study and train an epoch of a few milliseconds, so that
mostly starts, reports and files remain. The launcher chooses the way by the planned hours.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import ray

from scaling.cluster.limits import Caps, Limits
from scaling.cluster.session import Session, connected
from scaling.cluster.tuner import Launcher, Placement, TrialsToRun
from scaling.data import datasets
from scaling.runs.execute import Job
from scaling.storage.store import Store
from scaling.trial import VaeTrial, data_of, grid, key
from tests.benchmarks.results import Result

SHORT, LONG = 0.001, 1.0  # planned hours
REUSED, FRESH = 16, 4  # number of trials
FASTER = 3.0
BASE = VaeTrial("digits", train_size=30, batch=30, n_c=2)


def measure() -> list[Result]:
    """Measures wall-clock seconds per trial, with one trial per core at a time."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with connected("local", root, root / "ray.log", Limits(Caps()), 0.0) as session:
            first = _seconds(session, root / "first", FRESH, LONG)  # also warms caches
            ours = _seconds(session, root / "ours", REUSED, SHORT)
            baseline = min(first, _seconds(session, root / "baseline", FRESH, LONG))
    name = f"Tune's time a trial, {REUSED} trials in reused processes"
    return [Result(name, baseline / ours, FASTER, ours, baseline, "s/trial")]


def _seconds(session: Session, root: Path, count: int, hours: float) -> float:
    store = Store(root)
    store.check_writable()
    trials = {key(trial): trial for trial in grid(BASE, seed=range(count))}
    for name, trial in trials.items():
        store.folder(name).path.mkdir()
        store.folder(name).create(trial)
    launcher = _launcher(session, store, dict.fromkeys(trials, hours))
    start = time.monotonic()
    launcher.run(list(trials), {})
    assert all(store.folder(name).state(1) == "done" for name in trials)
    return (time.monotonic() - start) / count


def _launcher(session: Session, store: Store, hours: Mapping[str, float]) -> Launcher:
    data = {data_of(BASE): ray.put(datasets.load("digits"))}
    work = TrialsToRun(hours, {name: Job(epochs=1, measure_every=1) for name in hours}, data)
    placement = Placement(1.0, dict.fromkeys(hours, 0.0))
    return Launcher(session, store, work, placement, store.root / "staging")
