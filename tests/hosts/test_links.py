"""Hosts that are cut off, slow to reach, switched off and on again, or broken."""

import signal

import pytest

from tests.cluster.conftest import TINY
from tests.faults.nodes import SLOW
from tests.hosts.conftest import assert_as_undisturbed

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(6000)]
AUTO = [*TINY, "--address", "auto"]
TWO = [*AUTO, "--m-z", 1, "--seeds", "0-1"]
EPOCHS = 60
LAPSE = 20  # seconds without a link


@pytest.fixture
def slow(study):
    """Makes epochs last half a second, each with a checkpoint."""
    study.after("scaling.runs.vae", SLOW.format(seconds=0.5))
    study.checkpoints_at_every_row()


def pause(seconds):
    """Waits while a link is down."""
    signal.sigtimedwait([], seconds)


def running_on(study, host, process):
    """Waits until a trial on the host has a checkpoint, and returns its key."""

    def with_checkpoint():
        for key in study.trained_on(host):
            if (study.results / "trials" / key / "checkpoint.pt").exists():
                return key

    study.until(with_checkpoint, process)
    return with_checkpoint()


@pytest.mark.parametrize("seconds", [LAPSE, None], ids=["a while", "for ever"])
def test_trials_of_a_host_that_is_cut_off_finish(study, cluster, slow, tmp_path, seconds):
    hosts = cluster(3, cpus={1: 0})
    process = study.start(*TWO, "--epochs", EPOCHS)
    key = running_on(study, hosts[2], process)
    hosts[2].unplug()
    if seconds:
        pause(seconds)
        hosts[2].plug()
    out, err = process.communicate()
    print(out, err)
    assert process.returncode == 0, out + err
    assert_as_undisturbed(study, EPOCHS, tmp_path)
    if not seconds:
        first, second = study.epochs()[key]
        assert second[0] > 1  # continued from its checkpoint
        hosts[2].off()  # else the host continues training during the next test


def test_a_network_that_delays_and_drops_frames_changes_nothing(study, hosts, tmp_path):
    made = hosts(3, relay=(0.05, 0.02))
    address = made[0].head(0)
    for host in made[1:]:
        host.join(address)
    study.driver = made[1]
    run = study.run(*AUTO, "--epochs", 6)
    assert run.returncode == 0, run.stdout + run.stderr
    assert study.trained_on(made[2])
    assert_as_undisturbed(study, 6, tmp_path)


def test_a_study_continues_after_the_head_was_switched_off_and_on(study, cluster, slow, tmp_path):
    """The driver, on another host, ends with a sentence; the same command continues later."""
    first, second, third = cluster(3, cpus={1: 0})
    study.driver = second
    address = f"{first.address}:6379"
    words = [*TINY, "--address", address, "--epochs", EPOCHS]
    process = study.start(*words)
    running_on(study, third, process)
    first.off()
    out, err = process.communicate()
    print(out, err)
    assert process.returncode == 3, out + err
    assert "type the same command" in err.lower()
    assert "Traceback" not in err
    done = study.stamps()
    for host in (second, third):
        host.off()
    for host in (first, second, third):
        host.boot()
    first.head(0)
    second.join(address)
    third.join(address)
    run = study.run(*words)
    assert run.returncode == 0, run.stdout + run.stderr
    assert done.items() <= study.stamps().items()
    assert_as_undisturbed(study, EPOCHS, tmp_path)


def test_a_launch_survives_a_host_that_died_just_before(study, cluster, tmp_path):
    """The head believes it alive; the launch continues without it, or ends with a sentence."""
    first, second, third = cluster(3)
    third.off()
    run = study.run(*AUTO, "--epochs", 6)
    print(run.returncode, run.stdout, run.stderr)
    assert "Traceback" not in run.stdout + run.stderr
    assert run.returncode == 0, run.stdout + run.stderr
    assert_as_undisturbed(study, 6, tmp_path)


BAD = """
import os, socket

_train = train

def train(config, **given):
    if socket.gethostname() == "host3":
        os._exit(1)
    _train(config, **given)
"""


def test_a_bad_host_does_not_use_up_the_attempts_of_trials(study, cluster, slow, tmp_path):
    """On that host every process dies at once, so each trial would lose all its attempts."""
    study.after("scaling.cluster.tuner", BAD)
    hosts = cluster(3, cpus={1: 0})
    run = study.run(*AUTO, "--epochs", 20)
    print(run.stdout, run.stderr)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{hosts[2].address}" in run.stdout
    assert_as_undisturbed(study, 20, tmp_path)
