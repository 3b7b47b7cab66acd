"""CPUs and memory of the machine, limited by affinity, control groups or a batch system."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.errors import UsageError
from scaling.trial import machine
from scaling.trial.placement import Cluster, check_placement

ROOT = Path(__file__).parents[2]
NO_LIMIT = 9223372036854771712  # how version 1 writes "no limit"
MEMORY_2, MEMORY_1 = "memory.max", "memory.limit_in_bytes"


@pytest.fixture
def host(monkeypatch, tmp_path):
    """Makes a /proc and control groups, with an affinity of 8 CPUs."""
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)

    def made(cgroup, mounts, files):
        (tmp_path / "proc" / "self").mkdir(parents=True)
        (tmp_path / "proc" / "self" / "cgroup").write_text(cgroup)
        (tmp_path / "proc" / "mounts").write_text(mounts.format(root=tmp_path))
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")

    return made


V2 = "cgroup2 {root}/cg cgroup2 rw,nosuid 0 0\nproc /proc proc rw 0 0\n"
V1 = "c {root}/cg/cpu cgroup rw,cpu,cpuacct 0 0\nm {root}/cg/mem cgroup rw,memory 0 0\n"
IN_V1 = "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n"


def v1(quota, period=100000, folder=""):
    return {
        f"cg/cpu/{folder}cpu.cfs_quota_us": quota,
        f"cg/cpu/{folder}cpu.cfs_period_us": period,
    }


@pytest.mark.parametrize(
    ("cgroup", "mounts", "files", "cpus"),
    [
        ("0::/\n", V2, {"cg/cpu.max": "max 100000"}, 8),
        ("0::/\n", V2, {"cg/cpu.max": "50000 100000"}, 1),  # half a CPU
        ("0::/\n", V2, {"cg/cpu.max": "250000 100000"}, 2),
        ("0::/\n", V2, {"cg/cpu.max": "5000000 100000"}, 8),  # more than the affinity
        ("0::/job/step\n", V2, {"cg/job/cpu.max": "300000 100000",
                                "cg/job/step/cpu.max": "max 100000"}, 3),  # of the parent group
        ("0::/../other\n", V2, {"cpu.max": "100000 100000", "cg/cpu.max": "max 100000"}, 8),
        (IN_V1, V1, v1(-1), 8),
        (IN_V1, V1, v1(50000), 1),  # the group's own folder is not seen in a container
        (IN_V1, V1, v1(400000, folder="docker/abc/"), 4),
        (IN_V1, V1, v1(20000, 10000), 2),
        ("", "", {}, 8),
        ("0::/\n", V2, {"cg/cpu.max": "nonsense"}, 8),
        ("0::/\n", V2, {"cg/cpu.max": "0 0"}, 8),
    ],
)  # fmt: skip
def test_cpus_are_limited_by_affinity_and_quota(host, cgroup, mounts, files, cpus):
    host(cgroup, mounts, files)
    assert machine.cpus() == cpus


def test_an_affinity_below_the_quota_counts(host, monkeypatch):
    host("0::/\n", V2, {"cg/cpu.max": "400000 100000"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert machine.cpus() == 1


@pytest.mark.parametrize(
    ("cgroup", "mounts", "files", "limit"),
    [
        ("0::/\n", V2, {f"cg/{MEMORY_2}": "max"}, None),
        ("0::/a\n", V2, {f"cg/a/{MEMORY_2}": 1 << 20}, 1 << 20),
        (IN_V1, V1, {f"cg/mem/{MEMORY_1}": 1 << 21}, 1 << 21),
        (IN_V1, V1, {f"cg/mem/{MEMORY_1}": NO_LIMIT}, None),  # version 1's number for no limit
    ],
)  # fmt: skip
def test_memory_is_limited_by_control_groups(host, cgroup, mounts, files, limit):
    host(cgroup, mounts, files)
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert machine.memory_bytes() == (whole if limit is None else limit)


def test_memory_is_limited_by_that_of_the_address_space():
    script = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
    script += "from scaling.trial.machine import memory_bytes; print(memory_bytes())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert int(done.stdout) == 1 << 30


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_plans_and_refusals_respect_the_affinity(tmp_path):
    """Sets the affinity as `taskset -c 0` does."""
    words = [sys.executable, str(ROOT / "studies" / "double_descent.py"), "--results", tmp_path]

    def on_one(*more):
        one = min(os.sched_getaffinity(0))
        return subprocess.run(
            [*words, *more],
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {one}),
        )

    refused = on_one("--cpus-per-trial", "2")
    assert refused.returncode == 2
    assert "this machine has 1. Use --cpus-per-trial 1, or" in refused.stderr
    refused = on_one("--cpus", "2", "--dry-run")
    assert "2 is not a whole number from 1 to 1, the CPUs that this process" in refused.stderr
    joined = on_one("--cpus", "1", "--address", "auto", "--dry-run")
    assert "--cpus 1 limits a Ray that is started here" in joined.stderr
    assert json.loads(on_one("--cpus", "1", "--dry-run", "--json").stdout)["trials"]


def test_the_advice_is_never_the_refused_number():
    """The nodes of the cluster have half a CPU, or none, for trials."""
    for cpus, message in ((0.5, "Use --cpus-per-trial 0.5, or connect"), (0.0, "0. Connect to a")):
        with pytest.raises(UsageError) as error:
            check_placement(Cluster.of_nodes(((cpus, 0.0),)), 1, 0)
        assert message in str(error.value)


KEPT = """
from pathlib import Path
from scaling.trial import machine

def resident():
    words = Path("/proc/self/statm").read_text().split()
    return int(words[1]) * 4096

many = [bytes(900) for _ in range(100_000)]  # 90 MB from the C library's heap
last = bytes(900)  # keeps the end of the heap in use, so that it does not shrink by itself
full = resident()
del many
kept = resident()
machine.give_back_memory()
print(full - kept, kept - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_is_given_back_to_the_system():
    done = subprocess.run(
        [sys.executable, "-c", KEPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    by_itself, given_back = map(int, done.stdout.split())
    if by_itself > 50e6:
        pytest.skip("this C library keeps no free memory")
    assert given_back > 50e6


def test_a_c_library_that_cannot_give_memory_back_changes_nothing(monkeypatch):
    asked = []
    monkeypatch.setattr("ctypes.CDLL", lambda name: asked.append(name) or object())
    machine.give_back_memory()
    assert asked == [None]  # this process's own C library, which has no malloc_trim here
