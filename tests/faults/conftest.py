"""Provides studies whose epochs are all recorded in a ledger outside Ray, and damaged disks."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scaling.storage.trial_folder import TrialFolder
from tests.cluster.conftest import ROOT, Study
from tests.narrow import not_none

HERE = Path(__file__).parent
LEDGER = """
import os, time

_train_epoch = VaeRun.train_epoch

def train_epoch(self):
    from scaling.trial import key
    process = PROCESS
    line = f"{key(self.trial)} {self.epoch} {process} {time.time()}\\n"
    handle = os.open(%r, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(handle, line.encode())
    os.close(handle)
    return _train_epoch(self)

VaeRun.train_epoch = train_epoch
"""


def ledger(path: Path, process: str = "os.getpid()") -> str:
    """Returns code that records each epoch of a VAE in a file, with the number of the process."""
    return LEDGER.replace("PROCESS", process) % str(path)


CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1} | json.loads(sys.argv[1]))
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@dataclass(frozen=True)
class Line:
    """Holds a line of the ledger: an epoch that a process began to train."""

    key: str
    epoch: int
    pid: int
    time: float


@dataclass
class Watched(Study):
    """Runs a study with a ledger of the epochs that its trials trained, written outside Ray."""

    hook: Path = Path()
    started: list[subprocess.Popen] = field(default_factory=list)

    def __post_init__(self):
        self.hook.mkdir()
        shutil.copy(HERE / "sitecustomize.py", self.hook)
        self.environment["PYTHONPATH"] = f"{self.hook}{os.pathsep}{ROOT}"
        self.after("scaling.runs.vae", ledger(self.hook / "ledger"))

    def after(self, module, code):
        """Runs the code in the module's namespace, after its import, in every process."""
        with open(self.hook / f"{module}.after", "a") as stream:
            stream.write(textwrap.dedent(code))

    def start(self, *words):
        self.started.append(super().start(*words))
        return self.started[-1]

    @contextmanager
    def cluster(self, **options):
        """Starts a Ray of one CPU for this study alone, and yields its address."""
        process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.variables(),
        )
        try:
            yield not_none(process.stdout).readline().strip()
        finally:
            process.communicate("")

    def checkpoints_at_every_row(self):
        self.after("scaling.runs.saver", "CHECKPOINT_SHARE = 1e9\n")

    def ledger(self):
        path = self.hook / "ledger"
        words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [Line(key, int(epoch), int(pid), float(at)) for key, epoch, pid, at in words]

    def epochs(self):
        """Returns the epochs that each process trained, by key, in the order of the processes."""
        found: defaultdict[str, Any] = defaultdict(lambda: defaultdict(list))
        for line in self.ledger():
            found[line.key][line.pid].append(line.epoch)
        return {key: list(by_process.values()) for key, by_process in found.items()}

    def until(self, condition, process=None, seconds=3000):
        begun = time.monotonic()
        while not condition():
            assert process is None or process.poll() is None, process.communicate()
            assert time.monotonic() - begun < seconds
            time.sleep(0.02)

    def abandoned(self):
        """Waits until no process of a trial is left after its driver was killed."""
        self.until(lambda: not any(Path(f"/proc/{line.pid}").exists() for line in self.ledger()))

    def plan(self, *words):
        """Returns the trials that a dry run lists."""
        return json.loads(self.run(*words, "--dry-run", "--json").stdout)["trials"]

    def states(self, epochs):
        return {path.name: TrialFolder(path).state(epochs) for path in self.folders()}

    def stamps(self):
        """Returns when each trial was finished, by key."""
        return {
            path.parent.name: path.stat().st_mtime_ns
            for path in self.results.glob("trials/*/done.json")
        }

    def launches(self):
        return json.loads((self.results / self.name / "study.json").read_text())["launches"]


@pytest.fixture
def study(tmp_path, ray_folder):
    made = Watched(tmp_path / "results", {"RAY_TMPDIR": ray_folder}, hook=tmp_path / "hook")
    yield made
    for process in made.started:
        process.kill()
        process.wait()


class Mounts:
    """Mounts file systems for a test and unmounts them; skips tests that may not mount."""

    def __init__(self):
        self.mounted = []

    def mount(self, *words, folder):
        command = ["mount", *words, str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root mounts")
        self.mounted = [*dict.fromkeys([*self.mounted, folder])]

    def undo(self):
        while self.mounted:
            subprocess.run(["umount", "-l", self.mounted.pop()], check=True)


class SmallDisk(Mounts):
    def __call__(self, kilobytes, folder):
        """Mounts a file system of this size at the folder; a second call changes its size."""
        folder.mkdir(parents=True, exist_ok=True)
        again = ",remount" if folder in self.mounted else ""
        self.mount("-t", "tmpfs", "-o", f"size={kilobytes}k{again}", "none", folder=folder)


class ReadOnly(Mounts):
    def __call__(self, folder):
        """Makes the folder read-only for every file opened from now on.

        The kernel refuses while a file in it is open for writing, so that this may need patience.
        """
        self.mount("--bind", str(folder), folder=folder)
        command = ["mount", "-o", "remount,bind,ro", str(folder)]
        while (run := subprocess.run(command, capture_output=True, text=True)).returncode:
            assert "busy" in run.stderr, run.stderr
            time.sleep(0.01)


@pytest.fixture
def small_disk():
    disk = SmallDisk()
    yield disk
    disk.undo()


@pytest.fixture
def read_only():
    made = ReadOnly()
    yield made
    made.undo()
