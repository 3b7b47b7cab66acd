"""A trial whose row never reaches the driver is started again from its checkpoint."""

import pytest

from tests.faults.test_nodes import AUTO, assert_as_undisturbed, nodes  # noqa: F401

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(6000)]
SOON = "BEAT_SECONDS, LOST_SECONDS = 1.0, 10.0\n"
STUCK = """
import os, time

_report = tune.report

def report(row):
    if row.get("epoch", 0) >= 4:
        try:
            os.close(os.open({flag!r}, os.O_CREAT | os.O_EXCL))
            time.sleep(1e6)
        except FileExistsError:
            pass
    _report(row)

tune.report = report
"""


def test_a_trial_that_hangs_in_its_report_is_started_again(study, nodes, tmp_path):  # noqa: F811
    study.after("scaling.cluster.heartbeat", SOON)
    study.after("scaling.cluster.tuner", STUCK.format(flag=str(tmp_path / "stuck")))
    study.checkpoints_at_every_row()
    nodes(1)
    run = study.run(*AUTO, "--m-z", 1, "--seeds", 0, "--epochs", 8)
    assert run.returncode == 0, run.stdout + run.stderr
    (key,) = study.epochs()
    assert f"{key}: no sign of life" in run.stdout
    assert len(study.epochs()[key]) == 2
    first, second = study.epochs()[key]
    assert second[0] > 1  # continued from its checkpoint
    assert_as_undisturbed(study, 8, tmp_path)
