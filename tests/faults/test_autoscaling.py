"""A cluster whose GPU nodes start from zero and are lost; its nodes are processes here.

All runs in namespaces of its own, of processes and of the network: Ray's own test cluster stops
every Ray on the machine, and its provider of nodes looks for the head at port 6379 alone.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.storage.rows import last_epoch
from tests.cluster.conftest import TINY
from tests.faults.nodes import SLOW, kill

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces"),
]
HEAD = "ray.head.default"  # the name that the provider gives to the type of its head
PROVIDER = {
    "type": "external",
    "module": "tests.faults.spot_provider.SpotProvider",
    "use_node_id_as_ip": True,  # all nodes share one address
    "disable_node_updaters": True,
    "disable_launch_config_check": True,
}
CONFIG = {
    "cluster_name": "fake",
    "max_workers": 1,
    "idle_timeout_minutes": 5,
    "upscaling_speed": 1.0,
    "provider": PROVIDER,
    "auth": {},
    "docker": {},
    "file_mounts": {},
    **{f"{who}setup_commands": [] for who in ("", "head_", "worker_")},
    **{f"{who}_start_ray_commands": [] for who in ("head", "worker")},
    "initialization_commands": [],
    "cluster_synced_files": [],
    "file_mounts_sync_continuously": False,
    "available_node_types": {
        HEAD: {"resources": {}, "node_config": {}, "max_workers": 0},
        "gpu": {
            "resources": {"CPU": 1, "GPU": 1},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 1,
        },
    },
    "head_node_type": HEAD,
}


@pytest.fixture
def launch(study, tmp_path, ray_folder):
    """Starts a cluster without GPUs and a study in it, and ends both after the test."""
    config = tmp_path / "cluster.json"
    config.write_text(json.dumps(CONFIG))
    ray = Path(sys.executable).with_name("ray")
    start = [ray, "start", "--head", "--num-cpus=0", "--port=6379", f"--temp-dir={ray_folder}"]
    start += ["--include-dashboard=false", f"--autoscaling-config={config}"]
    started = []

    def begin(*words):
        command = [*TINY, "--m-z", "1", "--seeds", "0", "--gpus-per-trial", "1", *words]
        command = study.command(*command, "--address", "auto", "--wait-for-gpus", "10")
        first = shlex.join(map(str, start))
        script = f"ip link set lo up && {first} >&2 && {shlex.join(command)}"
        inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        fake = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        environment = study.variables() | fake | {"RAY_AUTH_MODE": "disabled"}
        environment.pop("RAY_ADDRESS", None)
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*inside, "sh", "-c", script],
            stdout=pipe, stderr=pipe, text=True, env=environment, cwd=tmp_path,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_the_first_gpu_node_is_started_and_runs_the_trials(study, launch):
    process = launch()
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert "No GPU in the cluster yet: waiting for up to 10 min" in out
    assert "Ray: 2 node(s), 1 CPUs, 1 GPUs" in out
    assert set(study.states(4).values()) == {"done"}
    (folder,) = study.folders()
    ended = json.loads((folder / "done.json").read_text())
    assert ended["gpu"][1] == 1


def test_a_lost_node_is_replaced_and_its_trial_continues(study, launch, ray_folder):
    """A spot node is taken away: the autoscaler starts another one, which has the same GPU."""
    study.after("scaling.runs.vae", SLOW.format(seconds=1))
    study.checkpoints_at_every_row()
    process = launch("--epochs", "30")
    rows = "trials/*/rows.jsonl"
    study.until(lambda: any(last_epoch(f) >= 3 for f in study.results.glob(rows)), process)
    kill(*raylets_with_gpu(ray_folder))
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert set(study.states(30).values()) == {"done"}
    ((first, second),) = study.epochs().values()
    assert first[0] == 1 and second[0] >= 3 and second[-1] == 30


def raylets_with_gpu(ray_folder):
    """Returns the processes, as this namespace numbers them, of nodes with a GPU in the cluster."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has ended
        if "/raylet\0" in words and str(ray_folder) in words and "GPU,1" in words:
            found.append(int(path.parent.name))
    return found
