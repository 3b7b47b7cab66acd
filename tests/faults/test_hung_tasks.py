"""A metric and a chunk that hang: both have a reason, and the rest is measured and sampled."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from scaling.cluster.watchdog import Note, Watchdog
from scaling.errors import UsageError
from tests.cluster.conftest import ROOT

HANGS = "\nimport time\n_{name} = {name}\ndef {name}({words}):\n    {when} and time.sleep(600)\n"
HANGS += "    return _{name}({words})\n"
SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
from scaling.errors import UsageError
from scaling.cluster import measuring, pool_requests, sampling
from scaling.cluster.limits import Caps, Limits
from scaling.cluster.session import connected
from scaling.runs.execute import Job, execute
from scaling.data.datasets import load
from scaling.presets import DIGITS_EDM
from scaling.storage.store import Store
from scaling.trial import VaeTrial, data_of, key
from scaling.trial.schedule import pool_name

store, data = Store(Path(sys.argv[1])), load("digits")
tiny = VaeTrial("digits", n_c=2, mixtures=2, batch=20, train_size=45)
model = replace(DIGITS_EDM, train_size=45, channels=8)
trials = [replace(tiny, seed=0), replace(tiny, seed=1), model]
for trial in trials:
    store.folder(key(trial)).create(trial)
    execute(store.folder(key(trial)), data, Job(1, 1), lambda row: None)
shares = {key(trial): 0.0 for trial in trials[:2]}
cells = [measuring.missing_cells(store, key(trial), ["psnr_mean"]) for trial in trials[:2]]
limits = Limits(Caps())
session = connected("local", store.root, store.root / "ray.log", limits, TIMEOUT)
ray = session.__enter__()
failed = measuring.fill(ray, store, cells, {data_of(tiny): data}, shares)
rows = {trial.seed: store.folder(key(trial)).rows()[-1] for trial in trials[:2]}
order = pool_requests.pool_request(pool_name(model, 1), model, key(model), 1, 3, data)
try:
    sampling.build_pool(ray, store, order, 0.0)
except UsageError as error:
    sampled = str(error)
pool = sorted(path.name for path in store.pool(order.spec.name).glob("chunk-*.npy"))
answer = {"failed": failed, "measured": [seed for seed in rows if "psnr_mean" in rows[seed]]}
session.__exit__(None, None, None)
print(json.dumps(answer | {"sampling": sampled, "pool": pool}))
"""


@pytest.mark.cluster
@pytest.mark.faults
@pytest.mark.slow
def test_tasks_that_hang_are_named_and_the_others_finish(study, tmp_path):
    study.after(
        "scaling.cluster.measuring",
        HANGS.format(name="compute", words="run, metrics, options", when="run.trial.seed == 1"),
    )
    study.after(
        "scaling.cluster.sampling",
        HANGS.format(name="_write", words="store, request, index, *rest", when="index == 1"),
    )
    script = SCRIPT.replace("TIMEOUT", "60")
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "results")],
        capture_output=True,
        text=True,
        env={**os.environ, **study.environment},
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])
    (line,) = answer["failed"]
    reason = "no epoch measured within 60 s (--row-timeout): hung in _measure_all"
    assert "-s1-" in line
    assert reason in line
    assert answer["measured"] == [0]
    assert answer["sampling"].startswith("Sampling chunk 1 failed: no part of a chunk within 60 s")
    assert answer["sampling"].endswith("The same command samples what is missing.")
    assert answer["pool"] == ["chunk-00000.npy", "chunk-00002.npy"]


def test_a_note_is_raised_once(tmp_path):
    note = Note(tmp_path / ".hung")
    note.heed()
    note.fail("it hung")
    with pytest.raises(UsageError, match="it hung"):
        note.heed()
    note.heed()
    note.fail("it hung")
    note.forget()
    note.heed()


def test_a_task_that_hangs_notes_where_it_hangs(tmp_path, monkeypatch):
    ended: list[Any] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    note = Note(tmp_path / ".hung")
    watchdog = Watchdog(note, 0.1, "chunk")
    watchdog._watch()
    assert ended == [124]
    with pytest.raises(UsageError, match=r"^no chunk within 0.1 s \(--row-timeout\): hung "):
        note.heed()
