"""Nodes that do not see the results folder: files made there are sent through Ray."""

import os
import signal

import pytest

from scaling.storage.trial_folder import TrialFolder
from tests.faults.nodes import SLOW
from tests.faults.test_nodes import AUTO, assert_as_undisturbed, launch, nodes  # noqa: F401, F811

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(6000),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts"),
]


def blind_to(study, nodes):  # noqa: F811
    """Starts a head without CPUs and one node, for which the results folder is empty."""
    study.results.mkdir()
    made = nodes(1, 0)
    made.add_blind(study.results)
    study.until(lambda: len(made.alive()) == 2)
    return made


def test_rows_checkpoints_and_done_json_arrive_in_the_results(study, nodes, tmp_path):  # noqa: F811
    blind_to(study, nodes)
    run = study.run(*AUTO, "--epochs", 6)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{study.results} is not shared: node " in run.stdout
    assert_as_undisturbed(study, 6, tmp_path)
    for path in study.folders():
        assert next(TrialFolder(path).load_checkpoints())["epoch"] == 6
        assert (path / "arrays.npz").exists()
        run = f"tensorboard-replicates/normal/*/*/*{path.name.rpartition('-')[2]}/events*"
        assert list((study.results / study.name).glob(run))
    assert not list(study.results.glob(".shared-*"))


def test_samples_and_metrics_arrive_in_the_results(study, nodes):  # noqa: F811
    blind_to(study, nodes)
    words = ["--smoke-test", "--source", "dmaapx", "--m-z", 1, "--n-c", 2, "--replicates", 0]
    run = study.run(*words, "--address", "auto")
    assert run.returncode == 0, run.stdout + run.stderr
    (pool,) = (study.results / "pools").glob("*/pool.json")
    assert list(pool.parent.glob("chunk-*.npy")) and not list(pool.parent.glob("part-*"))
    assert study.run(*words).returncode == 0  # in this process: nothing is left to do
    assert len(study.epochs()) == 1 and len(next(iter(study.epochs().values()))) == 1


def test_a_study_continues_after_its_driver_was_killed(study, nodes, launch, tmp_path):  # noqa: F811
    study.after("scaling.runs.vae", SLOW.format(seconds=0.3))
    study.checkpoints_at_every_row()
    blind_to(study, nodes)
    words = [*AUTO, "--m-z", 1, "--seeds", 0, "--epochs", 30]
    process = launch(*words)
    study.until(lambda: list(study.results.glob("trials/*/checkpoint.pt")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    study.abandoned()
    run = study.run(*words)
    assert run.returncode == 0, run.stdout + run.stderr
    ((first, second),) = study.epochs().values()
    assert second[0] > 1 and len(first) + len(second) <= 30 + 2 + 1  # rows are two epochs apart
    assert_as_undisturbed(study, 30, tmp_path)
