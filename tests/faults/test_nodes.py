"""Several nodes: killed, frozen, added; a second launch; a lost head (P5)."""

import json
import os
import signal
import threading
import time

import pytest

from analysis import results
from scaling.data.datasets import load
from scaling.runs.execute import Job, execute
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import VaeTrial, key
from tests.cluster.conftest import TINY
from tests.conftest import timeless
from tests.faults.nodes import SLOW, Nodes, kill

pytestmark = [pytest.mark.faults, pytest.mark.timeout(6000)]
DETECTED_SECONDS = 300  # ten times as long as on an idle machine
AUTO = [*TINY, "--address", "auto"]


@pytest.fixture
def nodes(study, monkeypatch):
    """Starts a cluster in which the hooks of `study` work, and gives its address to the study."""
    started = []

    def start(*words):
        made = Nodes(*words)
        started.append(made)
        study.environment["RAY_ADDRESS"] = made.cluster.address
        return made

    study.after("scaling.cluster.connect", "CONNECT_SECONDS = 600\n")  # the machine may be busy
    monkeypatch.setenv("RAY_AUTH_MODE", os.environ.get("RAY_AUTH_MODE", "disabled"))
    for name, value in study.environment.items():
        monkeypatch.setenv(name, value)
    yield start
    for made in started:
        made.close()


@pytest.fixture
def launch(study):
    """Starts the study, and kills it at the end of the test if it still runs."""
    started = []

    def start(*words):
        started.append(study.start(*words))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def raw_epochs(folder):
    """Returns the epoch of every line of rows.jsonl as it is in the file."""
    return [json.loads(line)["epoch"] for line in (folder / "rows.jsonl").read_text().splitlines()]


def assert_as_undisturbed(study, epochs, tmp_path):
    """Asserts that every trial has the rows of one trained in this process, each epoch once."""
    assert set(study.states(epochs).values()) == {"done"}
    count = 0
    for path in study.folders():
        control = TrialFolder(tmp_path / "control" / path.name)
        control.create(TrialFolder(path).trial())
        execute(control, load("digits"), Job(epochs, 2), lambda row: None)
        rows = [timeless(row) for row in TrialFolder(path).rows()]
        assert rows == [timeless(row) for row in control.rows()]
        count += len(rows)
    frame = results.load(study.results)
    assert not frame.duplicated(["key", "epoch"]).any()
    assert len(frame) == count


def on(study, workers):
    """Returns the key and the process of a trial that trains in one of these processes."""
    return next(((line.key, line.pid) for line in study.ledger() if line.pid in workers), None)


@pytest.mark.slow
def test_trials_of_a_killed_node_finish_on_the_others(study, nodes, launch, tmp_path):
    study.after("scaling.runs.vae", SLOW.format(seconds=0.5))
    study.checkpoints_at_every_row()
    cluster = nodes(3)
    victim = next(iter(cluster.cluster.worker_nodes))
    process = launch(*AUTO, "--epochs", 60)
    study.until(lambda: on(study, cluster.workers(victim)), process)
    study.until(lambda: len(cluster.alive()) == 3)
    name, pid = on(study, cluster.workers(victim))
    study.until(lambda: (study.results / "trials" / name / "checkpoint.pt").exists(), process)
    kill(cluster.raylet(victim))
    begun = time.monotonic()
    study.until(lambda: len(cluster.alive()) == 2, process, DETECTED_SECONDS)
    print(f"declared dead after {time.monotonic() - begun:.1f} s")
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert_as_undisturbed(study, 60, tmp_path)
    assert len(study.epochs()[name]) == 2
    first, second = study.epochs()[name]
    assert second[0] > 1  # continued from its checkpoint
    for path in study.folders():
        assert len(raw_epochs(path)) == len(set(raw_epochs(path))), path


@pytest.mark.slow
def test_a_frozen_node_that_wakes_replaces_nothing(study, nodes, launch, tmp_path):
    """Its process was believed dead, and writes an epoch that another node has passed."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.5))
    study.checkpoints_at_every_row()
    cluster = nodes(3, 0)
    process = launch(*AUTO, "--m-z", 1, "--seeds", 0, "--epochs", 40)
    study.until(study.ledger, process)
    name, pid = study.ledger()[0].key, study.ledger()[0].pid
    (victim,) = (n for n in cluster.cluster.worker_nodes if pid in cluster.workers(n))
    folder = TrialFolder(study.results / "trials" / name)
    study.until(lambda: len(folder.rows()) > 2, process)
    frozen = [cluster.raylet(victim), *cluster.workers(victim)]
    for number in frozen:
        os.kill(number, signal.SIGSTOP)
    reached = folder.rows()[-1]["epoch"]
    study.until(lambda: folder.rows()[-1]["epoch"] > reached + 6, process)
    before = len(study.epochs()[name][0])
    os.kill(pid, signal.SIGCONT)
    try:
        study.until(lambda: len(study.epochs()[name][0]) > before, process)
        out, err = process.communicate()
    finally:
        kill(*frozen)
    assert process.returncode == 0, out + err
    assert_as_undisturbed(study, 40, tmp_path)
    (newest, *_) = folder.load_checkpoints()
    assert newest["epoch"] == 40


def test_late_writes_of_a_process_believed_dead_change_nothing(tmp_path, digits):
    """At every moment of a trial another process finishes it, and then the first one continues."""
    trial = VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=45)
    for moment in range(1, 5):
        folder = Store(tmp_path / str(moment)).folder(key(trial))
        folder.create(trial)
        paused, over = threading.Event(), threading.Event()

        def report(row, moment=moment, paused=paused, over=over):
            if row["epoch"] == moment:
                paused.set()
                assert over.wait(600)

        late = threading.Thread(target=execute, args=(folder, digits, Job(4, 1), report))
        late.start()
        assert paused.wait(600)
        execute(folder, digits, Job(4, 1), lambda row: None)
        finished = [timeless(row) for row in folder.rows()]
        (newest, *_) = folder.load_checkpoints()
        over.set()
        late.join(600)
        assert [row["epoch"] for row in finished] == [1, 2, 3, 4]
        assert [timeless(row) for row in folder.rows()] == finished
        assert next(folder.load_checkpoints())["epoch"] == newest["epoch"] == 4
        assert folder.state(4) == "done"


@pytest.mark.slow
def test_a_node_added_later_trains_trials(study, nodes, launch, tmp_path):
    study.after("scaling.runs.vae", SLOW.format(seconds=0.5))
    cluster = nodes(1)
    process = launch(*AUTO, "--epochs", 20)
    study.until(study.ledger, process)
    workers = cluster.workers
    added = cluster.add()
    study.until(lambda: on(study, workers(added)), process)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert "1 node(s)" in out
    assert_as_undisturbed(study, 20, tmp_path)


@pytest.mark.slow
def test_a_second_launch_stops_with_a_sentence(study, launch):
    first = launch(*TINY, "--epochs", 100000)
    study.until(study.ledger, first)
    second = study.run(*TINY)
    assert second.returncode == 2
    assert f"Another launch is at work on {study.results} (process " in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert first.poll() is None
    first.terminate()
    first.communicate()
    third = study.run(*TINY)
    assert third.returncode == 0, third.stderr


@pytest.mark.slow
def test_a_lost_head_ends_the_launch_and_a_new_one_continues(study, nodes, launch, tmp_path):
    study.after("scaling.runs.vae", SLOW.format(seconds=0.3))
    study.checkpoints_at_every_row()
    cluster = nodes(2).cluster
    process = launch(*AUTO, "--epochs", 40)
    study.until(lambda: len(study.stamps()) == 2, process)
    cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
    out, err = process.communicate()
    assert process.returncode == 3, out + err
    assert "the head of the Ray cluster" in err.splitlines()[-1]
    assert "type the same command" in err.splitlines()[-1]
    done = study.stamps()
    study.abandoned()
    cluster.shutdown()
    nodes(2)
    again = study.run(*AUTO, "--epochs", 40)
    assert again.returncode == 0, again.stderr
    assert {name: study.stamps()[name] for name in done} == done
    assert_as_undisturbed(study, 40, tmp_path)
