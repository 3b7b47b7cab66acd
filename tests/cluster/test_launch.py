"""The whole command through Ray: new, run again, extended, failing, and on a real cluster."""

import json
import os
from dataclasses import replace

import pytest

from scaling.cli.axes import override
from scaling.cli.options import parser
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import key
from studies.double_descent import PRESETS, trials
from tests.cluster.conftest import ALONE, DRAWN, TINY
from tests.conftest import timeless
from tests.narrow import not_none
from tests.storage.test_tensorboard import read

pytestmark = pytest.mark.cluster


def finished(study):
    """Returns when each trial was finished, by key."""
    return {p.parent.name: p.stat().st_mtime_ns for p in study.results.glob("trials/*/done.json")}


def rows(folder):
    """Returns the rows of a trial's folder; one that is trained again has other times."""
    return [timeless(row) for row in TrialFolder(folder).rows()]


def test_a_launch_is_run_then_repeated_repaired_and_extended(study):
    assert_a_fresh_launch_writes_all(study)
    done = finished(study)
    again = study.run(*TINY)
    assert again.returncode == 0, again.stderr
    assert "no figures drawn; draw them with: " in again.stdout
    assert finished(study) == done
    assert_damage_is_mended_while_seeds_and_epochs_are_added(study)


def assert_a_fresh_launch_writes_all(study):
    first = study.run(*DRAWN)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert len(first.stdout.splitlines()) <= 20
    assert len(finished(study)) == 4
    folder = study.results / "double_descent"
    for name in ("fig7.png", "fig7.pdf", "fig7.csv"):
        assert (folder / "figures" / name).stat().st_size > 0
    means = {str(p.parent.relative_to(folder)) for p in folder.glob("tensorboard/*/*/*/events*")}
    assert len(means) == 2
    assert len(list(folder.glob("tensorboard-replicates/*/*/*/*/events*"))) == 4
    assert read(folder / "tensorboard" / "study").Images("figures/fig7")
    assert not list(folder.glob(".staging*"))


def assert_damage_is_mended_while_seeds_and_epochs_are_added(study):
    done = finished(study)
    torn, truncated, empty, _ = study.folders()
    (torn / "rows.jsonl").write_text((torn / "rows.jsonl").read_text()[:-20])
    (truncated / "checkpoint.pt").write_bytes((truncated / "checkpoint.pt").read_bytes()[:99])
    (empty / "done.json").write_text("")
    expected = {path: rows(path) for path in (truncated, empty)}
    more = study.run(*TINY, *ALONE, "--m-z", 1, 2, 4, "--seeds", "0-1", "--epochs", 6)
    assert more.returncode == 0, more.stderr
    assert more.stderr == ""
    assert {path: rows(path)[:2] for path in expected} == expected
    after = finished(study)
    assert len(after) == 6
    assert all(after[key] > done[key] for key in done)
    for path in study.folders():
        assert [row["epoch"] for row in TrialFolder(path).rows()] == [2, 4, 6]
    launches = json.loads((study.results / "double_descent" / "study.json").read_text())["launches"]
    assert len(launches) == 3
    assert all(launch["versions"]["torch"] for launch in launches)


def test_failing_trials_are_named_and_all_else_finishes(study):
    first = override(trials(PRESETS["smoke"]), parser("", PRESETS).parse_args(DRAWN))[0]
    Store(study.results).folder(key(first)).create(first)
    broken = study.folders()[0]
    (broken / "rows.jsonl").mkdir()
    run = study.run(*TINY, *ALONE, "--set", "lr=0.003", "1e30", "--epochs", 4)
    assert run.returncode == 3
    assert f"Failed: {broken.name}" in run.stderr
    assert run.stderr.count("smaller lr") == 4
    assert "--retry-failed" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    states = [TrialFolder(path).state(4) for path in study.folders()]
    assert states.count("done") == 3
    assert states.count("failed") == 5
    log = (study.results / "double_descent" / "logs" / "ray.log").read_text()
    assert log.count(f"Trial task failed for trial {broken.name}") == 3

    skipped = study.run(*TINY, "--epochs", 4)
    assert skipped.returncode == 3
    (broken / "rows.jsonl").rmdir()
    mended = study.run(*TINY, *ALONE, "--epochs", 4, "--retry-failed")
    assert mended.returncode == 0, mended.stderr


def test_a_cap_stops_cleanly(study):
    run = study.run(*TINY, "--epochs", 100000, "--max-hours", 0.002)
    assert run.returncode == 4
    assert "--max-hours 0.002 reached" in run.stdout
    assert "Continue with" in run.stdout


def test_two_nodes_through_auto(study):
    from ray.cluster_utils import Cluster

    mode = os.environ.get("RAY_AUTH_MODE")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        study.environment["RAY_ADDRESS"] = cluster.address
        run = study.run(*TINY, "--address", "auto")
        assert run.returncode == 0, run.stderr
        assert "2 node(s), 2 CPUs" in run.stdout
        assert len(finished(study)) == 4
    finally:
        cluster.shutdown()
        if mode is None:
            os.environ.pop("RAY_AUTH_MODE", None)


@pytest.mark.slow
def test_shares_of_a_logical_gpu_never_add_up_beyond_one(study):
    """With 0.3 of a GPU each, three trials run at a time and never four."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 8, "num_gpus": 1})
    try:
        study.environment["RAY_ADDRESS"] = cluster.address
        words = ["--gpus-per-trial", 0.3, "--seeds", "0-5", "--m-z", 1, "--epochs", 100]
        run = study.run(*TINY, *words, "--address", cluster.address)
        assert run.returncode == 0, run.stderr
        spans = [not_none(TrialFolder(path).done())["span"] for path in study.folders()]
        assert len(spans) == 6
        crowd = [sum(a <= moment < b for a, b in spans) for moment, _ in spans]
        assert max(crowd) <= 3
        sampled = replace(study, name="data_sources").run(
            *("--smoke-test", "--source", "dmaapx", "--seeds", "0"),
            *("--gpus-per-trial", 0.3, "--address", "auto"),
        )
        assert sampled.returncode == 0, sampled.stderr + sampled.stdout
        (row,) = (path / "rows.jsonl" for path in study.folders() if "dmaapx" in path.name)
        assert "amortization_gap" in row.read_text()  # measured on a share, as it was sampled
    finally:
        cluster.shutdown()
