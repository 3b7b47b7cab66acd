"""Containers of one host name and one results folder; a host whose clock is ahead."""

import os
import signal
from pathlib import Path

import pytest

from tests.cluster.conftest import TINY
from tests.faults.nodes import SLOW
from tests.hosts.conftest import assert_as_undisturbed

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(6000)]
EPOCHS = 100
AHEAD = """
if os.environ.get("AHEAD"):
    def ahead(real=time.time):
        return real() + float(os.environ["AHEAD"])

    time.time = ahead
"""


@pytest.fixture
def containers(hosts, study):
    """Makes two hosts of one name, each with its own Ray, and a running launch in the first."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.3))
    study.checkpoints_at_every_row()
    made = hosts(2)
    for host in made:
        host.run("hostname", "same")
    return made


def at_work(study, *words):
    process = study.start(*TINY, "--epochs", EPOCHS, *words)
    study.until(study.ledger, process)
    return process


def test_containers_of_one_name_do_not_share_a_folder(study, containers, tmp_path):
    first, second = containers
    begun = at_work(study)
    study.driver = second
    refused = study.run(*TINY, "--epochs", EPOCHS)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert f"Another launch is at work on {study.results} (process " in refused.stderr
    assert " on same" in refused.stderr
    assert begun.poll() is None
    assert (study.results / "launch.lock").exists()
    out, err = begun.communicate()
    assert begun.returncode == 0, out + err
    assert all(len(runs) == 1 for runs in study.epochs().values())
    assert_as_undisturbed(study, EPOCHS, tmp_path)


def test_the_lock_of_a_container_that_is_gone_is_taken_over(study, containers, tmp_path):
    """Its process cannot be seen; its lock counts until it has not changed for a minute."""
    first, second = containers
    at_work(study)
    first.off()
    study.driver = second
    run = study.run(*TINY, "--epochs", EPOCHS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "watching for up to 60 s whether it lives" in run.stderr
    assert_as_undisturbed(study, EPOCHS, tmp_path)


def test_a_container_that_was_frozen_stops_and_changes_nothing(study, containers, tmp_path):
    """Its lock is taken over while it is frozen; woken, it ends with a sentence."""
    first, second = containers
    begun = at_work(study)
    frozen = [int(p.parent.name) for p in Path("/proc").glob("[0-9]*/stat")]
    frozen = [pid for pid in frozen if first.is_mine(pid) and pid != first.init]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    study.driver = second
    taking = study.start(*TINY, "--epochs", EPOCHS)
    study.until(lambda: study.trained_on(second), taking)
    for pid in [*frozen, begun.pid]:  # nsenter stops together with the process that it started
        os.kill(pid, signal.SIGCONT)
    out, err = begun.communicate()
    print(out, err)
    assert begun.returncode == 3, out + err
    assert f"Another launch has taken over {study.results}" in err
    out, err = taking.communicate()
    assert taking.returncode == 0, out + err
    assert_as_undisturbed(study, EPOCHS, tmp_path)


def test_a_clock_that_is_an_hour_ahead_takes_no_live_lock(study, containers, tmp_path):
    """No namespace shifts the wall clock, so Python's `time.time` is replaced on that host."""
    first, second = containers
    study.after("scaling.storage.lock", AHEAD)
    begun = at_work(study)
    study.driver, study.more = second, {"AHEAD": "3600"}
    refused = study.run(*TINY, "--epochs", EPOCHS)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert f"Another launch is at work on {study.results} (process " in refused.stderr
    out, err = begun.communicate()
    assert begun.returncode == 0, out + err
    assert_as_undisturbed(study, EPOCHS, tmp_path)
