"""Provides several hosts, and studies that are launched on one of them."""

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scaling.data.datasets import load
from scaling.runs.execute import Job, execute
from scaling.storage.trial_folder import TrialFolder
from tests.cluster.conftest import ROOT
from tests.conftest import timeless
from tests.faults.conftest import Watched, ledger
from tests.hosts.network import TMP, Host, Network

# One number for a process and its host, since process ids of hosts overlap.
PROCESS = 'os.stat("/proc/self/ns/pid").st_ino * 10**7 + os.getpid()'


@dataclass
class OnHost(Watched):
    """Launches a study on a host; the ledger says which host trained an epoch."""

    driver: Host | None = None
    more: dict[str, str] = field(default_factory=dict)  # environment variables of the next launches

    def __post_init__(self):
        super().__post_init__()
        (self.hook / "scaling.runs.vae.after").write_text(ledger(self.hook / "ledger", PROCESS))

    def start(self, *words):
        assert self.driver
        process = self.driver.start(*self.command(*words), cwd=self.results.parent, **self.more)
        self.started.append(process)
        return process

    def trained_on(self, host):
        """Returns the keys of trials of which the host has trained an epoch."""
        return {line.key for line in self.ledger() if line.pid // 10**7 == host.place}


@pytest.fixture
def world():
    """Provides a folder in /tmp, where each host has its own."""
    with tempfile.TemporaryDirectory(prefix="hosts-", dir=TMP) as folder:
        yield Path(folder)


@pytest.fixture
def study(world):
    made = OnHost(world / "results", hook=world / "hook")
    made.results.mkdir()
    made.after("scaling.cluster.connect", "CONNECT_SECONDS = 600\n")  # the machine may be busy
    yield made
    for process in made.started:
        process.kill()
        process.wait()


@pytest.fixture
def network(world, study):
    """Makes a Network; skips the test where this machine does not allow one."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp/home",
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{study.hook}{os.pathsep}{ROOT}",
        "PYTHONWARNINGS": "ignore",
        "RAY_AUTH_MODE": "disabled",
        "RAY_worker_niceness": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
    }
    if os.geteuid() != 0:
        pytest.skip("only root makes hosts")
    made = []

    def make(*relay):
        made.append(Network(world, environment, relay))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.close()
        for stage in world.glob("stage-*"):
            with suppress(OSError):
                shutil.rmtree(stage)


@pytest.fixture
def hosts(network, study):
    """Makes several hosts that see the hook; those with listed numbers see the results too."""

    def make(count, seeing=None, relay=(), versions=None):
        try:
            made = network(*relay)
            for number in range(1, count + 1):
                sees = [study.hook]
                if seeing is None or number in seeing:
                    sees.append(study.results)
                made.add(f"host{number}", sees, (versions or {}).get(number))
            if relay:
                made.connect()
        except OSError as error:
            pytest.skip(f"no hosts here: {error}")
        study.driver = made.hosts[0]
        return made.hosts

    return make


@pytest.fixture
def cluster(hosts, study):
    """Makes hosts and starts Ray on them, the head on the first; `cpus` by host, 1 each."""

    def make(count, cpus=None, **more):
        made = hosts(count, **more)
        address = made[0].head((cpus or {}).get(1, 1))
        for number, host in enumerate(made[1:], 2):
            host.join(address, (cpus or {}).get(number, 1))
        return made

    return make


def raw_rows(folder):
    return (folder / "rows.jsonl").read_text().splitlines()


def assert_as_undisturbed(study, epochs, tmp_path, every=2, data=None):
    """Asserts that every trial has the rows of one trained in this process, each epoch once."""
    assert set(study.states(epochs).values()) == {"done"}
    for path in study.folders():
        control = TrialFolder(tmp_path / "control" / path.name)
        control.create(TrialFolder(path).trial())
        execute(control, data or load("digits"), Job(epochs, every), lambda row: None)
        rows = [timeless(row) for row in TrialFolder(path).rows()]
        assert rows == [timeless(row) for row in control.rows()]
        assert len(raw_rows(path)) == len(rows)
