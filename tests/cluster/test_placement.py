"""Shares of GPUs through Ray: never above one, and a trial with too small a share runs again."""

import json
import os
import subprocess
import sys

import pytest

from scaling.storage.store import Store
from tests.cluster.conftest import ROOT
from tests.cluster.placed import TOO_WIDE
from tests.narrow import not_none


@pytest.mark.cluster
@pytest.mark.slow
def test_trials_share_two_logical_gpus_and_one_runs_out_of_memory(tmp_path, ray_folder):
    command = [sys.executable, "-m", "tests.cluster.placed", str(tmp_path)]
    environment = {**os.environ, "RAY_TMPDIR": ray_folder, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    shares = json.loads(done.stdout.splitlines()[-1])
    ended = {name: not_none(Store(tmp_path).folder(name).done()) for name in shares}

    (wide,) = (name for name in shares if str(TOO_WIDE) in name)
    failed = ended.pop(wide)
    assert failed["state"] == "failed"
    assert "ran out of memory" in failed["error"]
    assert "--set batch=15" in failed["error"]
    assert "1 of 9 trials ran out of memory on a share of a GPU" in done.stdout

    assert all(end["state"] == "done" for end in ended.values())
    gpus = {end["gpu"][0] for end in ended.values()}
    assert gpus == {"0", "1"}
    for gpu in gpus:
        spans = [(*end["span"], end["gpu"][1]) for end in ended.values() if end["gpu"][0] == gpu]
        for moment, _, _ in spans:
            assert sum(share for a, b, share in spans if a <= moment < b) <= 1 + 1e-9
    for name, end in ended.items():
        assert end["gpu"][1] == shares[name]
    together = [end["span"] for end in ended.values()]
    assert any(a < c < b for a, b in together for c, _ in together)
