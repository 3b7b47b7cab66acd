"""Ray's files in the results folder, where others may write, are never unpickled."""

import json

import pytest

from tests.cluster.conftest import ALONE, TINY

BROKEN = """
def train_epoch(self):
    raise RuntimeError("a broken step")

VaeRun.train_epoch = train_epoch
"""
TRAP = """
def trap(self):
    if self.run_metadata.pickled_error_filename:  # the file would be read
        open({path!r}, "w").close()

Trial.get_pickled_error = trap
"""


@pytest.mark.cluster
@pytest.mark.faults
def test_an_error_of_a_worker_is_read_as_text(study, tmp_path):
    """Ray also keeps a pickle of it, and reading that would run whatever somebody put there."""
    study.after("scaling.runs.vae", BROKEN)
    study.after("ray.tune.experiment.trial", TRAP.format(path=str(tmp_path / "sprung")))
    run = study.run(*TINY, *ALONE, "--m-z", 1, "--seeds", 0)
    assert run.returncode == 3, run.stdout + run.stderr
    assert "RuntimeError: a broken step" in run.stderr
    assert not (tmp_path / "sprung").exists()
    record = json.loads((study.results / "double_descent" / "study.json").read_text())
    (folder,) = study.folders()
    assert record["launches"][-1]["profile"]["retried"] == {folder.name: 2}  # three attempts
